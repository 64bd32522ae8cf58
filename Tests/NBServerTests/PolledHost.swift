import NBEngine

@testable import NBServer

/// A host that waits elsewhere, as a loop around `poll(2)` does, and gives each turn a budget. The calling thread is the loop's.
enum PolledHost {
    /// Begins, then turns until the loop has ended. `budget` says what the next turn is given; `wait` waits for the engine's
    /// descriptor, which is readable at that time at the latest.
    static func run<LoopEngine: Engine & ~Copyable, Calls: SocketCalls & ~Copyable>(
        _ loop: inout Loop<LoopEngine, Calls>,
        budget: () -> Int,
        wait: (Instant?) -> Void
    ) throws(ServerError) -> StopReason {
        let ledger = loop.ledger
        ledger.enterLoop()
        defer { ledger.leaveLoop() }
        do {
            _ = try loop.openDescriptor()
        } catch {
            throw ServerError(error)
        }
        loop.serve(try loop.begin())
        while true {
            var rest = budget()
            switch loop.turn(mayWait: false, budget: &rest) {
            case .again: break
            case .wait(let deadline): wait(deadline)
            case .done: return try loop.result.get()
            }
        }
    }
}
