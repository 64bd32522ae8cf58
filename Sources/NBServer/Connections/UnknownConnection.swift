/// The server has no connection of that ID: the connection was taken out, has ended, or is another server's.
public struct UnknownConnection: Error, Hashable, Sendable, CustomStringConvertible {
    /// The ID.
    public let id: ConnectionID

    /// Whether another server gave the ID. Only that server knows whether the connection is still there.
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
