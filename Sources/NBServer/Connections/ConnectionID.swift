internal import Synchronization

/// The name of a connection that a server keeps; see ``ServerContext/keep(_:)``. No two connections of a process ever have
/// the same name.
public struct ConnectionID: Hashable, Sendable {
    let slot: UInt32
    let number: UInt64

    private static let numbers = Atomic<UInt64>(0)

    /// A number that no connection has had.
    static func nextNumber() -> UInt64 {
        numbers.add(1, ordering: .relaxed).newValue
    }
}
