// swift-tools-version: 6.3

import PackageDescription

// What ./dev faults builds in its copy of the tree: the library, and the tests that may see a fault.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let package = Package(
    name: "nb-server",
    targets: [
        .systemLibrary(name: "CLiburing"),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CNBServer"),
        .target(name: "NBLibc", dependencies: ["CLinux"], swiftSettings: settings),
        .target(name: "NBEngine", swiftSettings: settings),
        .target(name: "NBUring", dependencies: ["CLiburing", "NBEngine", "NBLibc"], swiftSettings: settings),
        .target(name: "NBServer", dependencies: ["NBEngine", "NBLibc", "NBUring"], swiftSettings: settings),
        .target(name: "NBServerC", dependencies: ["CNBServer", "NBLibc", "NBServer"], swiftSettings: settings),
        .target(name: "GrantedLevels", dependencies: ["NBUring"], path: "Tests/GrantedLevels", swiftSettings: settings),
        .testTarget(
            name: "NBServerTests",
            dependencies: ["CNBServer", "GrantedLevels", "NBEngine", "NBServer", "NBServerC", "NBUring"],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
