import Glibc
import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// A server of a clerk on the real kernel that has no thread: the test turns its loop, and waits for the engine's one descriptor.
///
/// Each turn has a budget of its own, from 1 on. A descriptor that stays silent for a minute has missed something.
struct TurnedServer: ~Copyable {
    struct FellAsleep: Error {
        let counters: ServerCounters
        let isPending: Bool
        let hasUnsubmitted: Bool
    }

    let control: LoopControl
    let mailbox: Mailbox
    let addresses: [SocketAddress]
    private var loop: Loop<EitherEngine, KernelSocketCalls>
    private let descriptor: Int32
    private let budgets: ClosedRange<Int>
    private var random = Randomness(seed: 1)
    private var end = TurnEnd.again
    /// How often the test has waited for the descriptor.
    private(set) var waits = 0

    init(_ clerk: Clerk, on engine: EngineChoice, listeners: Int, budgets: ClosedRange<Int>) throws {
        let control = LoopControl()
        let mailbox = Mailbox(control)
        try control.doorbell.open(isPolled: true)
        let sockets = try (0..<listeners).map { _ in try ListenSocket("127.0.0.1:0", options: []) }
        let engine = try EitherEngine(engine, quantum: 64, receiveBufferCount: 64, receiveBufferSize: 4096)
        var loop = Loop(
            engine: engine,
            calls: KernelSocketCalls(),
            sockets: sockets,
            behavior: TypedBehaviorBox(clerk, mailbox),
            control: control,
            options: ServerOptions()
        )
        control.addresses.withLock { $0 = sockets.map(\.address) }
        let descriptor = try loop.openDescriptor()
        loop.ledger.enterLoop()
        loop.serve(try loop.begin())
        self.control = control
        self.mailbox = mailbox
        self.descriptor = descriptor
        self.budgets = budgets
        addresses = control.addresses.withLock { $0 }
        self.loop = loop
    }

    deinit {
        loop.ledger.leaveLoop()
        control.doorbell.close()
    }

    var counters: ServerCounters { loop.state.pointee.counters.pointee }
    var result: Result<StopReason, ServerError>? { end == .done ? loop.state.pointee.result : nil }

    /// Turns until the counters are as they should be.
    mutating func turn(until isDone: (ServerCounters) -> Bool) throws {
        while !isDone(counters) { try turn() }
    }

    /// Turns until the loop has ended.
    mutating func turnToTheEnd() throws -> StopReason {
        while end != .done { try turn() }
        return try loop.state.pointee.result.get()
    }

    /// Turns until the host may wait; then the descriptor must be silent, since nothing is about to come.
    mutating func expectRest() throws {
        while end == .again { try turn() }
        let isReadable = isReadable(within: 0)
        #expect(!isReadable)
    }

    /// Waits if the turn before said so, as a host does, and makes one turn.
    mutating func turn() throws {
        if case .wait = end {
            waits += 1
            guard isReadable(within: 60_000) else {
                throw FellAsleep(
                    counters: counters,
                    isPending: loop.engine.isPending,
                    hasUnsubmitted: loop.engine.hasUnsubmitted
                )
            }
        }
        var budget = budgets.lowerBound + random.below(budgets.count)
        end = loop.turn(mayWait: false, budget: &budget)
        #expect(budget >= 0)
    }

    private func isReadable(within milliseconds: Int32) -> Bool {
        poll(descriptor, POLLIN, limit: milliseconds)
    }
}
