// swift-tools-version: 6.3

// Measures what it costs to accept connections: nb-server, plain C loops, and whatever else one likes. A package of its own, so that nobody who links the library builds this.

import PackageDescription

let package = Package(
    name: "nb-server-benchmarks",
    dependencies: [
        .package(name: "nb-server", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .executableTarget(
            name: "accept-bench",
            dependencies: [
                "CEpoll",
                "LoopbackClient",
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "NBUring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "accept-bench-loops",
            linkerSettings: [.linkedLibrary(":liburing.a"), .linkedLibrary("pthread")]
        ),
        // The same sources, where nb-server accepts for the epoll loop.
        .executableTarget(
            name: "accept-bench-from-c",
            dependencies: [.product(name: "NBServerC", package: "nb-server")],
            cSettings: [.define("WITH_NB_SERVER")],
            linkerSettings: [.linkedLibrary("pthread")]
        ),
        .systemLibrary(name: "CEpoll"),
        .target(name: "ReferenceListener"),
        .executableTarget(
            name: "reference-echo-ring",
            dependencies: ["ReferenceListener"],
            linkerSettings: [.linkedLibrary(":liburing.a")]
        ),
        .executableTarget(name: "reference-echo-epoll", dependencies: ["ReferenceListener"]),
        .executableTarget(
            name: "worker-server",
            dependencies: [
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "NBUring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "compare-echo",
            dependencies: [
                "LoopbackClient",
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NBUring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "compare-calls",
            dependencies: [
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "NBUring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "connect",
            dependencies: [
                "LoopbackClient",
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]
        ),
        .testTarget(
            name: "AcceptBenchTests",
            dependencies: ["accept-bench", .product(name: "NBServer", package: "nb-server")]
        ),
        .testTarget(name: "MeasuringTests", dependencies: ["Measuring"]),
        .target(name: "LoopbackClient", dependencies: ["Measuring"]),
        .target(name: "Measuring"),
    ],
    cLanguageStandard: .c11
)
