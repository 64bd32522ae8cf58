/// What an engine can do here, and why no more: values that do not change once the engine is used. Opening a descriptor for a host may
/// change them.
@frozen
public struct EngineFeatures: Hashable, Sendable, Codable {
    /// The engines there are.
    @frozen
    public enum Kind: String, Hashable, Sendable, Codable {
        /// io_uring.
        case ring
        /// Calls that do not block, and epoll.
        case epoll
    }

    /// Which engine it is.
    public var kind: Kind

    /// The first version of Linux that has what the engine uses: its major and its minor number.
    public let kernel: [Int]

    /// How many completions the engine holds. An accept that finds so many takes one connection more, and ends with it.
    public var quantum: Int

    /// Whether one accept operation takes connection after connection.
    public var acceptsMultishot = false

    /// Whether the engine receives. One whose receives would hold a buffer while they wait does not.
    public var receives = true

    /// Whether one receive operation completes whenever bytes arrive.
    public var receivesMultishot = false

    /// Whether an ``Operation/sendAtOnce(descriptor:bytes:)`` that was submitted silently completes only if it falls short.
    public var sendsAtOnce = false

    /// What else the engine has in use, in a few words each.
    public var details: [String] = []

    /// Why the engine has less than it could have, a sentence each; empty when it has everything.
    public var reasons: [String] = []

    /// An engine that can do what every engine can.
    public init(_ kind: Kind, kernel: [Int], quantum: Int) {
        precondition(kernel.count == 2, "a version of Linux is two numbers")
        self.kind = kind
        self.kernel = kernel
        self.quantum = quantum
    }
}
