// swift-tools-version: 6.3

// The SwiftNIO contenders of accept-bench, one of them behind nb-server. A package of its own, so that only `--full` has to build SwiftNIO.

import PackageDescription

let package = Package(
    name: "nb-server-benchmarks-nio",
    dependencies: [
        .package(name: "nb-server", path: "../..", traits: ["NIO"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        .executableTarget(
            name: "accept-bench-nio",
            dependencies: [
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NBServerNIO", package: "nb-server"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        )
    ]
)
