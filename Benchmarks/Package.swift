// swift-tools-version: 6.2

// Measures nb-server against plain C and against what Swift has. A package of its own, so that nobody who links the library builds this.

import PackageDescription

let package = Package(
    name: "nb-server-benchmarks",
    dependencies: [
        .package(name: "nb-server", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(name: "reference-ring", linkerSettings: [.linkedLibrary("uring")]),
        .target(name: "ReferenceListener"),
        .executableTarget(
            name: "reference-echo-ring",
            dependencies: ["ReferenceListener"],
            linkerSettings: [.linkedLibrary("uring")]
        ),
        .executableTarget(name: "reference-echo-epoll", dependencies: ["ReferenceListener"]),
        .executableTarget(
            name: "worker-server",
            dependencies: [
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "Uring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "compare-echo",
            dependencies: [
                "LoopbackClient",
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Uring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "compare-drain",
            dependencies: [
                "LoopbackClient",
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Uring", package: "nb-server"),
            ]
        ),
        .executableTarget(
            name: "compare-calls",
            dependencies: [
                "Measuring",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NBServer", package: "nb-server"),
                .product(name: "Uring", package: "nb-server"),
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
        .target(name: "LoopbackClient", dependencies: ["Measuring"]),
        .target(name: "Measuring"),
    ],
    cLanguageStandard: .c11
)
