/// What a call carries, to be replied to.
///
/// ```swift
/// import NBServer
///
/// struct Counter: NonBlockingServer {
///     enum Call { case served(Caller<Int>) }
///     var served = 0
///
///     mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
///         served += 1
///         return .continue
///     }
///     mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
///         switch call { case .served(let caller): caller.reply(served) }
///         return .continue
///     }
/// }
///
/// func ask(_ server: Server<Counter>) async throws -> Int {
///     try await server.call(Counter.Call.served)
/// }
/// ```
///
/// A caller may be copied, kept, and replied to later, from any thread or task. The first reply counts; others are dropped. If the last
/// copy is dropped without a reply, the call fails at once with ``CallError/unanswered``. A reply made in a callback is delivered when the
/// callback has returned, so the caller finds the server in its new state.
public struct Caller<Reply: Sendable>: Sendable {
    private let debt: Debt

    init(_ call: TypedCall<Reply>) {
        debt = Debt(call.pending)
    }

    /// Answers the call. Any thread.
    public func reply(_ reply: Reply) {
        debt.call.answer(reply)
    }
}

/// One for all copies of a caller; its end is the end of the last one.
private final class Debt: Sendable {
    let call: PendingCall

    init(_ call: PendingCall) {
        self.call = call
    }

    deinit {
        call.forget()
    }
}

extension Caller<Void> {
    /// Answers a call whose caller only waits for it to be handled. Any thread.
    public func reply() {
        reply(())
    }
}
