import Glibc
import NBEngine

@testable import NBServer

/// A host with a loop of its own, which turns an embedded server with budgets of any size and waits for the server's descriptor, or comes
/// for no reason. The calling thread is the server's.
enum SimulatedHost {
    /// Begins, then turns until the server has ended. `wait` waits for the descriptor; the time is when it is readable at the latest.
    static func run(
        _ loop: inout Loop<SimulatedEngine, SimulatedCalls>,
        _ control: LoopControl,
        _ kernel: SimulatedKernel,
        largestBudget: Int,
        wait: (Instant?) -> Void
    ) throws(ServerError) -> StopReason {
        try withUnsafeMutablePointer(to: &loop) { loop throws(ServerError) in
            var deadline: Instant?
            let turned = try TurnedLoop(loop, onTurn: { kernel.beginTurn(budget: $0) }, onWait: { deadline = $0 })
            let server = EmbeddedServer(turned, control, loop.pointee.ledger) { _ in }
            while true {
                switch server.turn(budget: 1 + kernel.random.below(largestBudget)) {
                case .again:
                    if !poll(server.descriptor, POLLIN, limit: 0) {
                        kernel.violate("a turn is due, and a host that waits for the descriptor does not hear of it")
                    }
                case .idle: wait(deadline)
                case .done: return try loop.pointee.state.pointee.result.get()
                }
            }
        }
    }
}

extension TurnedLoop {
    /// A loop that its maker frees, begun.
    fileprivate init(
        _ loop: UnsafeMutablePointer<Loop<SimulatedEngine, SimulatedCalls>>,
        onTurn: @escaping (_ budget: Int) -> Void,
        onWait: @escaping (Instant?) -> Void
    ) throws(ServerError) {
        let ledger = loop.pointee.ledger
        ledger.enterLoop()
        do throws(EngineError) {
            _ = try loop.pointee.openDescriptor()
        } catch {
            ledger.leaveLoop()
            throw ServerError(error)
        }
        do throws(ServerError) {
            loop.pointee.serve(try loop.pointee.begin())
        } catch {
            ledger.leaveLoop()
            throw error
        }
        ledger.leaveTurn()
        self.init(
            descriptor: fcntl(loop.pointee.engine.kernel.polledDescriptor ?? -1, F_DUPFD_CLOEXEC, 3),
            turn: { budget in
                onTurn(budget)
                let end = loop.pointee.turn(mayWait: false, budget: &budget)
                if case .wait(let deadline) = end { onWait(deadline) }
                return end
            },
            result: { loop.pointee.state.pointee.result },
            free: {}
        )
    }
}
