// swift-tools-version: 6.3

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "nb-server",
    products: [
        .library(name: "NBServer", targets: ["NBServer"]),
        .library(name: "NBUring", targets: ["NBUring"]),
        // For tests of programs that use the library: a server in memory.
        .library(name: "NBServerTesting", targets: ["NBServerTesting"]),
        // For C programs; ./dev c makes a library of it that needs no Swift.
        .library(name: "NBServerC", type: .static, targets: ["NBServerC"]),
        .executable(name: "nb-doctor", targets: ["nb-doctor"]),
        // Bridges to other packages; each is empty unless its trait is on.
        .library(name: "NBServerLifecycle", targets: ["NBServerLifecycle"]),
        .library(name: "NBServerObservability", targets: ["NBServerObservability"]),
        .library(name: "NBServerNIO", targets: ["NBServerNIO"]),
    ],
    // Off by default, so that a build clones no other package; ./dev bridges checks that, and builds and tests all of them.
    traits: [
        .trait(name: "Lifecycle", description: "NBServerLifecycle: servers as services of Service Lifecycle"),
        .trait(name: "Logging", description: "NBServerObservability: an observer that logs with swift-log"),
        .trait(name: "Metrics", description: "NBServerObservability: an observer that feeds swift-metrics"),
        .trait(name: "NIO", description: "NBServerNIO: connections for SwiftNIO's event loops"),
    ],
    dependencies: [
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .systemLibrary(name: "CLiburing", providers: [.apt(["liburing-dev"])]),
        .systemLibrary(name: "CLinux"),
        // The header that C programs include; NBServerC is behind it.
        .systemLibrary(name: "CNBServer"),
        .target(name: "NBLibc", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "NBEngine", swiftSettings: settings),
        .target(name: "NBUring", dependencies: ["CLiburing", "NBEngine", "NBLibc"], swiftSettings: settings),
        .target(name: "NBServer", dependencies: ["NBEngine", "NBLibc", "NBUring"], swiftSettings: settings),
        .target(name: "NBServerTesting", dependencies: ["NBEngine", "NBServer"], swiftSettings: settings),
        // A C program's server: what is behind nbserver.h. ./dev c makes libraries of it.
        .target(name: "NBServerC", dependencies: ["CNBServer", "NBLibc", "NBServer"], swiftSettings: settings),
        .target(
            name: "NBServerLifecycle",
            dependencies: [
                "NBServer",
                .product(
                    name: "ServiceLifecycle",
                    package: "swift-service-lifecycle",
                    condition: .when(traits: ["Lifecycle"])
                ),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "NBServerObservability",
            dependencies: [
                "NBServer",
                .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Logging"])),
                .product(name: "Metrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "NBServerNIO",
            dependencies: [
                "NBLibc", "NBServer",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["NIO"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["NIO"])),
            ],
            swiftSettings: settings
        ),
        // What a server would run on here, and which limits it would meet.
        .executableTarget(name: "nb-doctor", dependencies: ["NBServer"], swiftSettings: settings),
        .executableTarget(
            name: "soup",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/Soup",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "echo",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/Echo",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "chat",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/Chat",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "key-value",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/KeyValue",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "async-echo",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/AsyncEcho",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "async-key-value",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/AsyncKeyValue",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "tally",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/Tally",
            swiftSettings: settings
        ),
        // What is around the server of an example.
        .target(name: "ExampleProgram", dependencies: ["NBServer"], path: "Examples/Shared", swiftSettings: settings),
        .executableTarget(
            name: "counter",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/Counter",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "soup-kitchen",
            dependencies: ["ExampleProgram", "NBServer"],
            path: "Examples/SoupKitchen",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "hello-http",
            dependencies: ["ExampleHTTP", "ExampleProgram", "NBServer"],
            path: "Examples/HelloHTTP",
            exclude: ["HTTP"],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "arena",
            dependencies: ["ExampleHTTP", "ExampleProgram", "NBServer"],
            path: "Examples/Arena",
            exclude: ["Dockerfile", "README.md", "meta.json"],
            swiftSettings: settings
        ),
        // Requests of HTTP/1.1, for the two.
        .target(name: "ExampleHTTP", path: "Examples/HelloHTTP/HTTP", swiftSettings: settings),
        .executableTarget(
            name: "embedding",
            dependencies: ["CLinux", "NBServer"],
            path: "Examples/Embedding",
            exclude: ["C", "README.md"],
            swiftSettings: settings
        ),
        // The one of the hosts in C that wants nothing but this package; ./dev hosts builds the others.
        .executableTarget(
            name: "embedding-c",
            dependencies: ["NBServerC"],
            path: "Examples/Embedding/C",
            exclude: ["asio.cpp", "asyncio_host.py"],
            sources: ["epoll.c"],
            cSettings: [.headerSearchPath("../../../Sources/CNBServer/include")]
        ),
        // Which levels of io_uring the tests run on, and which not.
        .target(name: "GrantedLevels", dependencies: ["NBUring"], path: "Tests/GrantedLevels", swiftSettings: settings),
        .testTarget(
            name: "UringTests",
            dependencies: ["CLiburing", "GrantedLevels", "NBEngine", "NBUring"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NBServerTests",
            dependencies: ["CNBServer", "GrantedLevels", "NBEngine", "NBServer", "NBServerC", "NBUring"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "NBServerTestingTests",
            dependencies: ["NBLibc", "NBServer", "NBServerTesting"],
            swiftSettings: settings
        ),
        // The examples' behaviors and workers, each in a test server: a reader learns the test kit here.
        .testTarget(
            name: "ExampleTests",
            dependencies: [
                "chat", "counter", "echo", "hello-http", "key-value", "soup", "soup-kitchen", "tally",
                "ExampleProgram", "NBServer", "NBServerTesting",
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SoupTests",
            dependencies: [
                "arena", "async-echo", "async-key-value", "chat", "counter", "echo", "embedding", "embedding-c",
                "endings",
                "floods", "hello-http", "hosts", "key-value", "nb-doctor", "soup", "soup-kitchen", "tally",
                "test-server", "GrantedLevels", "NBUring",
            ],
            swiftSettings: settings
        ),
        // A process that SoupTests start and command, and watch from outside.
        .executableTarget(
            name: "test-server",
            dependencies: ["NBServer", "NBUring"],
            path: "Tests/TestServer",
            swiftSettings: settings
        ),
        // Counts on the loop's thread; ./dev count builds it optimized and runs it.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .executableTarget(
            name: "allocation-check",
            dependencies: ["NBServer", "CAllocationCounter"],
            path: "Tests/AllocationCheck",
            swiftSettings: settings
        ),
        // A live server under all kinds of hardship; ./dev soak builds it optimized and runs it.
        .executableTarget(
            name: "soak",
            dependencies: ["Measuring", "NBServer"],
            path: "Tests/Soak",
            swiftSettings: settings
        ),
        // Clients of bad manners, each owed its greeting and the end of the stream; ./dev endings builds it optimized and runs it.
        .executableTarget(
            name: "endings",
            dependencies: ["Measuring", "NBServer"],
            path: "Tests/Endings",
            swiftSettings: settings
        ),
        // Limits and rules under floods of clients; ./dev floods builds it optimized and runs it.
        .executableTarget(
            name: "floods",
            dependencies: ["Measuring", "NBServer"],
            path: "Tests/Floods",
            swiftSettings: settings
        ),
        // An embedded server in every loop of Examples/Embedding; ./dev hosts builds it optimized, with the loops in other languages, and runs it.
        .executableTarget(
            name: "hosts",
            dependencies: ["LoopbackClient", "Measuring"],
            path: "Tests/Hosts",
            swiftSettings: settings
        ),
        // What the soak, the endings, the floods and the hosts share with the benchmarks. They are a package of their own, which has
        // targets of these sources too.
        .target(name: "Measuring", path: "Benchmarks/Sources/Measuring", swiftSettings: settings),
        .target(
            name: "LoopbackClient",
            dependencies: ["Measuring"],
            path: "Benchmarks/Sources/LoopbackClient"
        ),
    ],
    swiftLanguageModes: [.v6]
)
