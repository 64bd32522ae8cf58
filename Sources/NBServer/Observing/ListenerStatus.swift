/// What can be said of a listener at one moment.
public struct ListenerStatus: Hashable, Sendable {
    /// Whether a listener accepts, and if not, why.
    public enum Activity: Hashable, Sendable {
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

    /// The address it is bound to.
    public let address: SocketAddress
    /// What it does.
    public let activity: Activity

    init(_ listener: borrowing Listener) {
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
