/// What can be said of a listener at one moment. A value, which can be coded.
public struct ListenerStatus: Hashable, Sendable {
    /// Whether a listener accepts, and if not, why.
    @nonexhaustive
    public enum Activity: Hashable, Sendable, Codable {
        /// It takes whoever comes.
        case accepting
        /// It cannot accept for now, and tries again.
        case parked(cause: ServerError)
        /// Connections that it has accepted wait at a limit of ``ServerOptions/admission``, and more clients in its accept queue.
        case atLimit
        /// It rests until it is resumed.
        case paused
        /// It is being removed.
        case closing
    }

    /// The listener's name.
    public let id: ListenerID
    /// The address it is bound to.
    public let address: SocketAddress
    /// What it does.
    public let activity: Activity

    /// What is said of a listener.
    public init(id: ListenerID, address: SocketAddress, activity: Activity) {
        self.id = id
        self.address = address
        self.activity = activity
    }

    init(_ listener: borrowing Listener, of server: UInt32) {
        id = ListenerID(server: server, key: listener.key)
        address = listener.socket.address
        activity =
            switch listener.state.phase {
            case .idle, .armed, .cancelling(.idle): listener.isWithheld ? .atLimit : .accepting
            case .parked: .parked(cause: .accept(listener.lastErrno, address: listener.socket.address.description))
            case .paused, .cancelling(.paused): .paused
            case .cancelling(.closed), .closed: .closing
            }
    }
}

extension ListenerStatus: Codable, CustomStringConvertible {
    /// The status for a log: `127.0.0.1:7777 accepting`.
    public var description: String { "\(address) \(activity)" }
}

extension ListenerStatus.Activity: CustomStringConvertible {
    /// The activity in words.
    public var description: String {
        switch self {
        case .accepting: "accepting"
        case .parked(let cause): "parked: \(cause)"
        case .atLimit: "at a limit"
        case .paused: "paused"
        case .closing: "closing"
        }
    }
}
