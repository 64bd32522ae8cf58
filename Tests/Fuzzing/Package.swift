// swift-tools-version: 6.3

// libFuzzer against whatever meets what the kernel, a clock or a person makes up. A package of its own, because it is
// built with sanitizers, which `run` switches on.

import PackageDescription

func fuzzer(_ name: String) -> Target {
    .executableTarget(name: name, dependencies: ["Fuzzing", .product(name: "NBServer", package: "nb-server")])
}

let package = Package(
    name: "nb-server-fuzzing",
    dependencies: [.package(name: "nb-server", path: "../..")],
    targets: [
        fuzzer("fuzz-connection"),
        fuzzer("fuzz-endpoint"),
        fuzzer("fuzz-frame"),
        fuzzer("fuzz-listener"),
        fuzzer("fuzz-socket-address"),
        fuzzer("fuzz-time"),
        fuzzer("fuzz-token"),
        .target(name: "Fuzzing"),
    ],
    swiftLanguageModes: [.v6]
)
