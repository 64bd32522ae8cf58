/// What a mailbox holds: a message for the behavior, or a wish of somebody outside that its loop carries out.
///
/// Made by any thread; from when it is put in it is the mailbox's, then the inbox's, on the loop's thread.
enum Message<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    case call(Behavior.Call)
    case cast(Behavior.Cast)
    /// A message for a worker.
    case work(@Sendable (borrowing ServerContext) -> Void)
    /// Somebody wants to look at the behavior's state, or to change it.
    case look(@Sendable (inout Behavior) -> Void)
    /// Somebody wants what a callback could do as well.
    case request(@Sendable (borrowing ServerContext) -> Void)

    /// Whether it waits while the server is suspended, and counts against the mailbox's limit.
    var isForBehavior: Bool {
        switch self {
        case .call, .cast, .work: true
        case .look, .request: false
        }
    }
}
