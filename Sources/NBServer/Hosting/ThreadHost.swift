internal import NBEngine

/// The host with a thread to spare: it turns a loop until that has ended, and lets its turns wait.
///
/// Nothing else in the library goes round. The calling thread makes the loop, and is the loop's thread until ``run(_:onBegin:)``
/// returns.
enum ThreadHost {
    /// Makes the engine that the options ask for, and a loop on it, and runs that. Not in a generic type: the compiler specializes the
    /// loop for each engine only where it knows every type, and a loop that is not costs retains.
    static func serve(
        _ resources: ServerResources,
        _ control: LoopControl,
        _ options: ServerOptions,
        onBegin: () -> Void
    ) throws(ServerError) -> StopReason {
        switch try ChosenEngine(options) {
        case .ring(let engine): try serve(resources, control, options, on: engine, onBegin: onBegin)
        case .epoll(let engine): try serve(resources, control, options, on: engine, onBegin: onBegin)
        }
    }

    private static func serve(
        _ resources: ServerResources,
        _ control: LoopControl,
        _ options: ServerOptions,
        on engine: consuming some Engine & ~Copyable,
        onBegin: () -> Void
    ) throws(ServerError) -> StopReason {
        var loop = Loop(resources, control, options, on: engine)
        return try run(&loop, onBegin: onBegin)
    }

    /// Begins, then turns until there was a reason to stop and everything is closed; calls `onBegin` when the behavior has begun.
    static func run<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>(
        _ loop: inout Loop<LoopEngine, Calls>,
        onBegin: () -> Void = {}
    ) throws(ServerError) -> StopReason {
        let ledger = loop.ledger
        let executor = loop.executor
        ledger.enterLoop()
        defer {
            executor.runLastJobs()
            ledger.leaveLoop()
        }
        let verdict = try loop.begin()
        onBegin()
        loop.serve(verdict)
        var end = TurnEnd.again
        while end != .done {
            var budget = Int.max
            end = loop.turn(mayWait: true, budget: &budget)
        }
        return try loop.state.pointee.result.get()
    }
}
