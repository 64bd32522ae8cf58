/// The name of a connection that the server keeps; see ``ServerContext/keep(_:)``. Names are not used again soon: that of
/// a connection that has ended means no other.
public struct ConnectionID: Hashable, Sendable {
    let slot: UInt32
    let generation: UInt32
}

/// The connection of that name is not kept any more: it was taken out, or its peer is gone.
public struct UnknownConnection: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name that means nothing.
    public let id: ConnectionID

    /// The error in words.
    public var description: String { "no connection of that name is kept: it has ended or was taken out" }
}
