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

    /// What may happen to connections of a treatment.
    ///
    /// To a client that has ended its side, a long answer costs a worker thread of the kernel: `EPOLLRDHUP` counts as
    /// readiness to send, so the send is tried 128 times in vain and then handed over. Until the library has an answer
    /// to that, no half close comes before a long answer here.
    static func cases(for treatment: Treatment) -> [Fate] {
        treatment == .pour ? allCases.filter { $0 != .halfClosed } : allCases
    }

    /// Whether the client gets everything that it is owed.
    func spares(_ treatment: Treatment) -> Bool {
        switch self {
        case .faithful, .delayed, .trickling: true
        case .halfClosed: treatment != .echo
        case .cut, .deaf: false
        }
    }
}
