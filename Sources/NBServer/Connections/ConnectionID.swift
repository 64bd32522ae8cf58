/// The ID of a connection that a server keeps or a worker has; see ``ServerContext/keep(_:watchingPeer:)`` and ``WorkerConnection/id``. No
/// two connections of a process ever have the same ID. A server recognizes the IDs of another server.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    /// Whose connection it is; see ``LoopControl/server``.
    let server: UInt32
    let slot: UInt32
    let number: UInt64

    /// The ID in a log: `connection 17`.
    public var description: String { "connection \(number)" }
}
