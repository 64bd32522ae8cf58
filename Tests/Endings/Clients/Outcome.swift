/// What became of a client: exactly one of these. Which of them a client is to come to, its ``Manner`` says; any other is a loss.
enum Outcome: Hashable, CaseIterable {
    /// It has read the whole greeting and the end of the stream.
    case whole
    /// It was reset since it neither read nor ended, and what it had read until then was right.
    case expired
    /// It has reset the connection itself, as it was to.
    case left

    // Losses.
    /// It was reset before it had read a byte.
    case nothing
    /// It was reset in the middle of the greeting.
    case cut
    /// It has read the end of the stream before the end of the greeting: it believes that it has everything.
    case short
    /// It has read the whole greeting, and was reset before it had read the end.
    case noEnd
    /// It has read what is no greeting, or more than one.
    case spoilt
    /// Nothing happens any more.
    case hung
    /// It could not connect.
    case unconnected

    /// What a client has to say that came to this and was not to.
    var complaint: String {
        switch self {
        case .whole: "read the whole greeting and the end, and were not to"
        case .expired: "were reset as if their time were up"
        case .left: "left, and were not to"
        case .nothing: "were reset before the first byte of the greeting"
        case .cut: "were reset in the middle of the greeting"
        case .short: "read a clean end before the end of the greeting"
        case .noEnd: "were reset when they had read the greeting, and not its end"
        case .spoilt: "read what is not the greeting"
        case .hung: "waited in vain"
        case .unconnected: "could not connect"
        }
    }
}
