internal import NBEngine

/// The host with a thread to spare: it turns a loop until that has ended, and lets its turns wait.
///
/// Nothing else in the library goes round. The calling thread makes the loop, and is the loop's thread until ``run(_:onBegin:)``
/// returns.
enum ThreadHost {
    /// Begins, then turns until there was a reason to stop and everything is closed; calls `onBegin` when the behavior has begun.
    static func run<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>(
        _ loop: inout Loop<LoopEngine, Calls>,
        onBegin: () -> Void = {}
    ) throws(ServerError) -> StopReason {
        let ledger = loop.ledger
        ledger.enterLoop()
        defer { ledger.leaveLoop() }
        let verdict = try loop.begin()
        onBegin()
        loop.serve(verdict)
        var end = TurnEnd.again
        while end != .done {
            var budget = Int.max
            end = loop.turn(mayWait: true, budget: &budget)
        }
        return try loop.result.get()
    }
}
