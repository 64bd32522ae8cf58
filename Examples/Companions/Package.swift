// swift-tools-version: 6.3

// nb-server together with other packages, and the tests of the bridges to them. A package of its own, so that nb-server needs none of
// them to be built; ./dev bridges builds it with every trait on, and runs its tests.

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "nb-server-companions",
    dependencies: [
        .package(name: "nb-server", path: "../..", traits: ["Lifecycle", "Logging", "Metrics", "NIO"]),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    ],
    targets: [
        // What is around the servers of the programs, and what they answer.
        .target(
            name: "CompanionProgram",
            dependencies: [
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Shared",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "service-group",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerLifecycle", package: "nb-server"),
                .product(name: "NBServerObservability", package: "nb-server"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/ServiceGroup",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "dashboard",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerObservability", package: "nb-server"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            path: "Sources/Dashboard",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "nio-http",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/HTTP",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "nio-echo",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/AsyncEcho",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "nio-tls",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            path: "Sources/TLS",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "hummingbird-soup",
            dependencies: [
                "CompanionProgram",
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            path: "Sources/Hummingbird",
            swiftSettings: settings
        ),
        .testTarget(
            name: "CompanionTests",
            dependencies: [
                "dashboard", "hummingbird-soup", "nio-echo", "nio-http", "nio-tls", "service-group",
                .product(name: "NBServerLifecycle", package: "nb-server"),
                .product(name: "NBServerObservability", package: "nb-server"),
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle"),
                .product(name: "InMemoryLogging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
