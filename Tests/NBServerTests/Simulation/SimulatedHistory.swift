import Glibc

@testable import NBServer
@testable import Uring

/// One random life of a server: a simulated kernel, a behavior that does anything a behavior may, and a stop at some moment.
///
/// Everything is drawn from the seed, so that a history that fails can be played again. What must hold is checked at every wait
/// of the loop (`SimulatedHistory+Invariants.swift`) and at the end. Used by one thread.
final class SimulatedHistory {
    /// What the server and the kernel came to.
    struct Outcome {
        let violations: [String]
        let trace: [String]
        let tally: Tally
    }

    /// A connection, as the behavior knew it.
    struct Delivery {
        let socket: SimulatedSocket
        var sent: [UInt8] = []
    }

    struct Refusal: Error {}

    /// A connection in a place of the behavior's own.
    final class Held {
        let number: Int
        private var connection: Connection?

        init(_ connection: consuming Connection, number: Int) {
            self.connection = consume connection
            self.number = number
        }

        func take() -> Connection? { connection.take() }
    }

    let kernel: SimulatedKernel
    let control: LoopControl
    let options: ServerOptions
    private let turnsToServe: Int
    var turns = 0
    /// The server's own, while its loop exists.
    var counters: UnsafePointer<ServerCounters>?
    /// A time to wake up at that had come at the wait before, with nothing to take.
    var lastDeadline: Instant?
    /// How much had been submitted at the wait before.
    var lastSubmissionCount = 0

    // What the behavior remembers.
    var deliveries: [Delivery] = []
    var kept: [(id: ConnectionID, number: Int)] = []
    var held: [Held] = []
    var ends = 0
    private(set) var violations: [String] = []

    init(seed: UInt64, tracing: SimulatedKernel.Tracing = .off) throws {
        kernel = SimulatedKernel(seed: seed, tracing: tracing)
        control = LoopControl()
        try control.open()
        turnsToServe = 2 + kernel.random.below(kernel.random.chance(50) ? 400 : 60)
        let limits: [Duration] = [.zero, .milliseconds(1), .seconds(5)]
        options = ServerOptions(
            closeTimeLimit: kernel.random.element(of: limits) ?? .zero,
            acceptMode: kernel.random.chance(200) ? .oneShot : .multishot,
            exhaustion: kernel.random.element(of: [.park, .park, .shed, .shed, .stop]) ?? .park
        )
    }

    func run() -> Outcome {
        kernel.stopsAtExhaustion = options.exhaustion == .stop
        let sockets = kernel.listeners.map { listener in
            ListenSocket(listener.descriptor, listener.address) { [kernel] in kernel.closeListener($0) }
        }
        var loop = Loop(
            engine: SimulatedEngine(
                kernel: kernel,
                features: kernel.features,
                onWait: { [unowned self] deadline throws(RingError) in try turn(deadline) }
            ),
            sockets: sockets,
            behavior: TypedBehaviorBox(SimulatedBehavior(history: self), Mailbox(control)),
            closesWait: false,
            control: control,
            options: options
        )
        counters = UnsafePointer(loop.counters)
        do throws(ServerError) {
            _ = try loop.run {}
        } catch {
            checkFailure(error)
        }
        checkEnd()
        counters = nil
        _ = consume loop
        held = []
        kernel.tally.histories = 1
        kernel.tally.steps = turns
        return Outcome(violations: violations + kernel.violations, trace: kernel.trace, tally: kernel.tally)
    }

    func violate(_ text: String) {
        violations.append(text)
        kernel.note("VIOLATION: \(text)")
    }

    private func turn(_ deadline: Instant?) throws(RingError) {
        turns += 1
        checkStep(deadline)
        if turns == turnsToServe {
            kernel.noteStop()
            control.requestStop()
            kernel.wake()
        } else if kernel.random.chance(30) {
            kernel.wake()
        }
        if turns > 5000 {
            throw RingError(operation: "simulation", errno: 0, advice: "the server does not come to an end")
        }
    }
}
