/// Somebody who waits for an answer: what a kind of call carries with it.
///
/// ```swift
/// enum Call { case served(Caller<Int>) }
///
/// mutating func handleCall(_ call: Call, in context: borrowing ServerContext) -> Verdict {
///     switch call { case .served(let caller): caller.reply(served) }
///     return .continue
/// }
///
/// let served = try await server.call(NoSoup.Call.served)      // an Int
/// ```
///
/// It may be copied, kept, and answered later, from any thread or task; the first reply counts, and any other is dropped. When
/// the last copy is gone without a reply, the call fails at once with ``CallError/unanswered``. A reply made in a
/// callback leaves when the callback has returned, so that whoever gets it finds the server in its new state.
public struct Caller<Reply: Sendable>: Sendable {
    private let debt: Debt

    init(_ call: TypedCall<Reply>) {
        debt = Debt(call)
    }

    /// Answers the call. Any thread.
    public func reply(_ reply: Reply) {
        unsafeDowncast(debt.call, to: TypedCall<Reply>.self).answer(reply)
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
    /// Answers a call that only wants to know that it was handled. Any thread.
    public func reply() {
        reply(())
    }
}
