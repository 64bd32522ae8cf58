/// How a connection came to its server. A value.
@nonexhaustive
public enum ConnectionOrigin: Hashable, Sendable, CustomStringConvertible {
    /// It was accepted by this listener, which may be gone by now.
    case listener(ListenerID)
    /// It was accepted elsewhere; see ``Server/adopt(_:)``.
    case adopted

    /// The origin in words: `listener 1`, `adopted`.
    public var description: String {
        switch self {
        case .listener(let id): id.description
        case .adopted: "adopted"
        }
    }
}
