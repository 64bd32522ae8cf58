/// There is no connection of that name, or none that the server keeps or a worker has: it was taken out, or has ended.
public struct UnknownConnection: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name that means nothing.
    public let id: ConnectionID

    /// The error in words.
    public var description: String { "no connection of that name: it has ended, or was taken out" }
}
