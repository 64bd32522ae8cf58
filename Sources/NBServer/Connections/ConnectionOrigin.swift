/// How a connection came to its server.
@nonexhaustive
public enum ConnectionOrigin: Hashable, Sendable, CustomStringConvertible {
    /// This listener accepted it. The listener may be gone by now.
    case listener(ListenerID)
    /// Other code accepted it; see ``Server/adopt(_:)``.
    case adopted

    /// The origin in words: `listener 1`, `adopted`.
    public var description: String {
        switch self {
        case .listener(let id): id.description
        case .adopted: "adopted"
        }
    }
}
