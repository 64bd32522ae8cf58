internal import NBEngine

/// The engine that a server runs on, what it can do here, and why no more. See ``ServerContext/engine`` and ``ServerStatus/engine``.
public struct EngineReport: Hashable, Sendable, Codable, CustomStringConvertible {
    private let features: EngineFeatures

    init(_ features: EngineFeatures) {
        self.features = features
    }

    /// The kinds of engines.
    public enum Kind: Hashable, Sendable {
        /// io_uring, `io_uring(7)`.
        case ring
        /// Non-blocking system calls, and epoll for waiting, `epoll(7)`.
        case epoll
    }

    /// The kind of engine.
    public var kind: Kind {
        switch features.kind {
        case .ring: .ring
        case .epoll: .epoll
        }
    }

    /// The first version of Linux that has everything the engine uses. It may be older than the kernel, because
    /// ``EngineOptions/newestKernel`` held the engine to it, or because the kernel has less than its version says.
    public var kernel: KernelVersion { KernelVersion(features.kernel[0], features.kernel[1]) }

    /// How many completions the engine holds; see ``ServerOptions/quantum``. The ring rounds up to a power of two.
    public var quantum: Int { features.quantum }

    /// Whether one accept operation accepts connection after connection (Linux 5.19).
    public var acceptsMultishot: Bool { features.acceptsMultishot }

    /// Whether workers can receive (Linux 5.18).
    public var receives: Bool { features.receives }

    /// Whether one receive operation completes whenever bytes arrive (Linux 6.0).
    public var receivesMultishot: Bool { features.receivesMultishot }

    /// Why the engine has less than it could have, one sentence each. Empty if it has everything.
    public var reasons: [String] { features.reasons }

    /// Reads a report.
    public init(from decoder: any Decoder) throws {
        features = try EngineFeatures(from: decoder)
        guard features.kernel.count == 2 else {
            let words = "a version of Linux is two numbers"
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: words))
        }
    }

    /// Writes the report.
    public func encode(to encoder: any Encoder) throws {
        try features.encode(to: encoder)
    }

    /// The report in one line.
    public var description: String {
        let name =
            switch kind {
            case .ring: "io_uring"
            case .epoll: "epoll"
            }
        return (["\(name) of \(kernel)"] + features.details + reasons).joined(separator: ", ")
    }
}
