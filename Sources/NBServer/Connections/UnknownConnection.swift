/// The connection of that name is not kept any more: it was taken out, or its peer is gone.
public struct UnknownConnection: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name that means nothing.
    public let id: ConnectionID

    /// The error in words.
    public var description: String { "no connection of that name is kept: it has ended or was taken out" }
}
