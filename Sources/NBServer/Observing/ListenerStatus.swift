/// The status of a listener at one moment.
public struct ListenerStatus: Hashable, Sendable {
    /// Whether a listener accepts, and if not, why.
    @nonexhaustive
    public enum Activity: Hashable, Sendable, Codable {
        /// The listener accepts.
        case accepting
        /// The listener cannot accept for now, for this cause, and tries again.
        case parked(cause: ServerError)
        /// Connections that the listener accepted wait at this limit of ``ServerOptions/admission``, and more clients in its accept queue.
        case atLimit(AdmissionReason)
        /// The listener is paused until it is resumed.
        case paused
        /// The listener is being removed.
        case closing
    }

    /// The listener's ID.
    public let id: ListenerID
    /// The address that the listener is bound to.
    public let address: SocketAddress
    /// What the listener does.
    public let activity: Activity

    /// A status with these values.
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
            case .idle, .armed, .cancelling(.idle): listener.limit.map { .atLimit($0) } ?? .accepting
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
        case .atLimit(let limit): "at a limit: \(limit)"
        case .paused: "paused"
        case .closing: "closing"
        }
    }
}
