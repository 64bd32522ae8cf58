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
        .target(name: "LinuxLibc", swiftSettings: settings),
        .target(name: "Uring", dependencies: ["CLiburing", "LinuxLibc"], swiftSettings: settings),
        .target(name: "NBServer", dependencies: ["LinuxLibc", "Uring"], swiftSettings: settings),
        .target(name: "GrantedRungs", dependencies: ["Uring"], path: "Tests/GrantedRungs", swiftSettings: settings),
        .testTarget(
            name: "NBServerTests",
            dependencies: ["GrantedRungs", "NBServer", "Uring"],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
