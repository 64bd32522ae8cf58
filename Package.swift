// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "nb-server",
    products: [
        .library(name: "NBServer", targets: ["NBServer"]),
        .library(name: "Uring", targets: ["Uring"]),
        .executable(name: "soup", targets: ["soup"]),
    ],
    targets: [
        .systemLibrary(name: "CLiburing", pkgConfig: "liburing", providers: [.apt(["liburing-dev"])]),
        .target(name: "Uring", dependencies: ["CLiburing"], swiftSettings: settings),
        .target(name: "NBServer", dependencies: ["Uring"], swiftSettings: settings),
        .executableTarget(name: "soup", dependencies: ["NBServer"], path: "Examples/Soup", swiftSettings: settings),
    ],
    swiftLanguageModes: [.v6]
)
