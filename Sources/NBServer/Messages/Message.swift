/// What a mailbox holds: a message for the behavior, or a wish of somebody outside that its loop carries out.
enum Message<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    case call(Behavior.Call)
    case cast(Behavior.Cast)
    /// Somebody wants to look at the behavior's state, or to change it.
    case look(@Sendable (inout Behavior) -> Void)
    /// Somebody wants what a callback could do as well.
    case request(@Sendable (borrowing ServerContext) -> Void)

    /// Whether it waits while the server is suspended, and counts against the mailbox's limit.
    var isForBehavior: Bool {
        switch self {
        case .call, .cast: true
        case .look, .request: false
        }
    }
}
