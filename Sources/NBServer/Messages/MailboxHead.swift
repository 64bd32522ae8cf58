internal import Synchronization

/// The head of a mailbox's list of messages: the latest, which refers to the one before it, and so on.
///
/// Apart from the mailbox, because the loop looks at it at every turn, and to look at something whose type depends on the
/// behavior's costs it hundreds of instructions. Shared by the mailbox and the behavior's box.
final class MailboxHead: Sendable {
    /// The address of the latest message that was not taken, or one of those below, which are no addresses.
    let latest = Atomic<UInt>(none)

    static let none: UInt = 0
    static let closed: UInt = 1

    /// Whether there is something to take. A loop that asks this after it has published that it sleeps is woken for what comes
    /// later.
    var hasMessages: Bool { latest.load(ordering: .sequentiallyConsistent) > Self.closed }
}
