// swift-tools-version: 6.2

import PackageDescription

// What ./dev faults builds in its copy of the tree: the library, and the tests that may see a fault.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "nb-server",
    targets: [
        .systemLibrary(name: "CLiburing", pkgConfig: "liburing"),
        .target(name: "NBLibc", swiftSettings: settings),
        .target(name: "NBUring", dependencies: ["CLiburing", "NBLibc"], swiftSettings: settings),
        .target(name: "NBServer", dependencies: ["NBLibc", "NBUring"], swiftSettings: settings),
        .target(name: "GrantedRungs", dependencies: ["NBUring"], path: "Tests/GrantedRungs", swiftSettings: settings),
        .testTarget(
            name: "NBServerTests",
            dependencies: ["GrantedRungs", "NBServer", "NBUring"],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
