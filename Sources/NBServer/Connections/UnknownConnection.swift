/// There is no connection of that name, or none that the server keeps or a worker has: it was taken out, has ended, or is
/// another server's.
public struct UnknownConnection: Error, Hashable, Sendable, CustomStringConvertible {
    /// The name that means nothing here.
    public let id: ConnectionID

    /// Another server gave the name. Only that server knows whether the connection is still there.
    public let isOfAnotherServer: Bool

    init(_ id: ConnectionID, askedOf control: LoopControl) {
        self.id = id
        isOfAnotherServer = id.server != control.server
    }

    /// Cause and cure in one line.
    public var description: String {
        isOfAnotherServer ? Self.otherServer(id) : "\(id) has ended, or was taken out: forget its name"
    }

    /// What is said of another server's connection, inside its callbacks and outside.
    static func otherServer(_ id: ConnectionID) -> String {
        "\(id) is another server's: ask the server that gave it its name"
    }
}
