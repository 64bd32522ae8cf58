/// What the faulty proxy does to a connection.
enum Fate: CaseIterable {
    /// Nothing.
    case faithful
    /// Everything comes late.
    case delayed
    /// The first bytes come one by one.
    case trickling
    /// The server is told at once that the client will say nothing.
    case halfClosed
    /// In the middle of the server's first words both sides are reset.
    case cut
    /// The server is reset at once, and the client hears nothing.
    case deaf

    /// Whether the client gets everything that it is owed.
    func spares(_ treatment: Treatment) -> Bool {
        switch self {
        case .faithful, .delayed, .trickling: true
        case .halfClosed: treatment != .echo
        case .cut, .deaf: false
        }
    }
}
