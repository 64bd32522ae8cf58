import Glibc
import NBEngine

@testable import NBServer
@testable import NBUring

/// One random life of a server: a simulated kernel, a behavior that does anything a behavior may, senders that call and cast,
/// operators that suspend and drain, and a stop at some moment.
///
/// Everything is drawn from the seed, so that a history that fails can be played again. What must hold is checked at every wait
/// of the loop (`SimulatedHistory+Invariants.swift`) and at the end. Used by one thread: what others do, they do in the loop's
/// waits, between its turns, and between its look for messages and what it does about it.
final class SimulatedHistory: @unchecked Sendable {
    /// What the server and the kernel came to.
    struct Outcome {
        var violations: [String]
        let trace: [String]
        let tally: Tally
    }

    /// A connection, as the behavior knew it.
    struct Delivery {
        let socket: SimulatedSocket
    }

    struct Refusal: Error {}

    typealias Removal = (call: TypedCall<Result<Void, ServerError>>, listener: Int?)

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
    /// Shared with other loops.
    let limits: SimulatedLimits?
    /// Where several are played: called before the loop waits.
    var letOthersGoOn: (() -> Void)?
    /// The loop waits until then at the latest, while others go on.
    private var pause: (isOn: Bool, deadline: Instant?) = (false, nil)
    let post: SimulatedPost
    /// How often others do something, in a thousand times that they could, and how often the behavior does more than it must.
    let bustle: (outside: Int, inside: Int)
    private let turnsToServe: Int
    /// How many completions and messages a host that waits elsewhere gives a turn; `nil` if the host waits in the turns.
    private let largestBudget: Int?
    private let workerOptions: [WorkerOptions]
    /// How many connections are given to workers, in a thousand.
    let workerRate: Int
    var turns = 0
    /// The loop's own, while it exists.
    var state: UnsafeMutablePointer<LoopState>?
    /// A time to wake up at that had come at the wait before, with nothing to take.
    var lastDeadline: Instant?
    /// How many turns before had the same and did nothing.
    var vainTurns = 0
    /// When the kernel was to be asked again for what it had not taken by the wait before.
    var lastRetryTime: Instant?
    /// How much had been done by the wait before.
    var lastProgress = 0

    // What the behavior remembers.
    var deliveries: [Delivery] = []
    var kept: [(id: ConnectionID, number: Int)] = []
    var lost: Set<ConnectionID> = []
    /// Kept connections, now or later, whose peers the server watches.
    var watchedPeers: Set<ConnectionID> = []
    /// Connections that waited at a limit when their listener went down.
    var orphanCount = 0
    /// Receivers of detached connections that were told nothing yet.
    var untoldReceivers = 0
    var held: [Held] = []
    var callers: [(number: Int, caller: Caller<Int>)] = []
    /// The workers there were, and those that have not heard of their end.
    var conducts: [SimulatedConduct] = []
    var running: [SimulatedConduct] = []
    /// Workers that await something, once for each; and the messages that are what one awaited.
    var runs: [SimulatedConduct] = []
    var runMessages: Set<Int> = []
    /// Workers of whose end the behavior wants to hear.
    var watched: [SimulatedConduct] = []
    /// How many messages were meant for workers, how many connections came from elsewhere, how often something was thrown that
    /// costs a connection.
    var messageCount = 0
    var adoptions = 0
    var throwCount = 0
    var timing = SimulatedTiming()
    var callbacks = 0
    var ends = 0

    // What others know.
    var isSuspended = false
    var hasSignal = false
    /// Somebody wants the server to end its connections at once.
    private var isHurried = false
    private var hasStopSignal = false
    /// Until when a server that has stopped may wait for its connections.
    private(set) var endOfPatience: Instant?
    var drain: (deadline: Instant, isTold: Bool)?
    /// The callers that wait until a listener is gone, and which; `nil` if there was none.
    var removals: [Removal] = []
    /// The callers that wait until a listener has served its queue.
    var queueWaits: [Removal] = []
    /// Of listeners that leave together with those of other loops.
    let departures: SimulatedDepartures

    convenience init(seed: UInt64, tracing: SimulatedChronicle.Tracing = .off) throws {
        try self.init(on: SimulatedKernel(seed: seed, tracing: tracing))
    }

    /// With limits that it shares with others, or with limits of its own or none.
    init(
        on kernel: SimulatedKernel,
        limits sharedLimits: SimulatedLimits? = nil,
        departures: SimulatedDepartures = SimulatedDepartures()
    ) throws {
        self.kernel = kernel
        self.departures = departures
        control = LoopControl()
        let largestBudget = kernel.random.element(of: [nil, nil, 1, 3, 100]) ?? nil
        try control.doorbell.open(isPolled: largestBudget != nil)
        control.setSignals(SignalRoles(reporting: [.simulated]))
        self.largestBudget = largestBudget
        turnsToServe = 2 + kernel.random.below(kernel.random.chance(50) ? 400 : 60)
        let closeLimits: [Duration] = [.zero, .milliseconds(1), .seconds(5)]
        var options = ServerOptions(
            closeTimeLimit: kernel.random.element(of: closeLimits) ?? .zero,
            wholeCloseTimeLimit: kernel.random.element(of: [nil, nil, .milliseconds(1), .seconds(7)]) ?? nil,
            lingerTimeLimit: kernel.random.element(of: [.zero, .milliseconds(3), .seconds(30), .seconds(30)]) ?? .zero,
            lingerLimit: kernel.random.element(of: [0, 1, 2, 1024, 1024]) ?? 0,
            stopTimeLimit: kernel.random.element(of: [.zero, .seconds(5), .seconds(20)]) ?? .zero,
            listenerLimit: 3 + kernel.random.below(3),
            acceptMode: kernel.random.chance(200) ? .oneShot : .multishot,
            whenExhausted: kernel.random.element(of: [.park, .park, .shed, .shed, .stop]) ?? .park,
            mailboxLimit: kernel.random.chance(500) ? nil : 1 + kernel.random.below(6),
            whenMailboxIsFull: kernel.random.chance(100) ? .stop : .refuse,
            receiveBufferCount: kernel.buffers.count
        )
        if let sharedLimits {
            limits = sharedLimits
        } else {
            limits = kernel.random.chance(300) ? try SimulatedLimits(&kernel.random) : nil
            limits?.joinOther()
        }
        limits?.join(kernel)
        options.admission = limits?.admission
        self.options = options
        let rates = [0, 20, 100, 300]
        bustle = (kernel.random.element(of: rates) ?? 0, kernel.random.element(of: rates) ?? 0)
        post = SimulatedPost(control, kernel, options)
        workerOptions = SimulatedRoles.draw(&kernel.random)
        workerRate = kernel.random.element(of: [0, 300, 800]) ?? 0
        kernel.languages = workerOptions.map(\.framing) + (kernel.random.chance(300) ? [.raw] : [])
        departures.join(self)
        kernel.onArm = { [unowned self] in noteBegin($0) }
        kernel.onClose = { [unowned self] in noteClosing($0) }
    }

    func run() -> Outcome {
        SimulatedRoles.$options.withValue(workerOptions) { live() }
    }

    private func live() -> Outcome {
        kernel.stopsAtExhaustion = options.whenExhausted == .stop
        control.addresses.withLock { $0 = kernel.listeners.map(\.address) }
        actOutside()
        var loop = Loop(
            engine: SimulatedEngine(
                kernel: kernel,
                features: kernel.features,
                onWait: { [unowned self] deadline throws(EngineError) in try turn(deadline) },
                onWake: { [unowned self] in actOutside() }
            ),
            calls: SimulatedCalls(kernel: kernel),
            sockets: kernel.listeners.indices.map { kernel.listenSocket($0) },
            behavior: SimulatedBox(self),
            control: control,
            options: options
        )
        state = loop.state
        let reason: StopReason
        do throws(ServerError) {
            reason = try turn(&loop)
            checkReason(reason)
        } catch {
            reason = .failed(error)
            checkFailure(error)
        }
        finish(reason)
        checkEnd()
        state = nil
        _ = consume loop
        checkPermits()
        held = []
        callers = []
        kernel.tally.histories = 1
        kernel.tally.steps = turns
        return Outcome(violations: kernel.violations, trace: kernel.chronicle.trace, tally: kernel.tally)
    }

    private func turn(_ loop: inout Loop<SimulatedEngine, SimulatedCalls>) throws(ServerError) -> StopReason {
        guard let largestBudget else { return try ThreadHost.run(&loop) }
        return try SimulatedHost.run(&loop, control, kernel, largestBudget: largestBudget) { deadline in
            look(deadline, actOutside)
            kernel.waitForSignal { actOutside() }
        }
    }

    /// What `Server` does when its loop has ended. Then others go on.
    private func finish(_ reason: StopReason) {
        noteEnd(reason)
        control.doorbell.close()
        post.mailbox.close(reason)
        post.mailbox.ledger.close(reason)
        for _ in 0..<3 { actOutside() }
        for (number, caller) in callers where kernel.random.chance(500) {
            kernel.tally.note(.answerAfterTheEnd)
            post.reply(number, number, caller)
        }
    }

    /// The server has a reason to stop.
    func noteEnd(_ reason: StopReason) {
        guard post.end == nil else { return }
        kernel.noteStop()
        kernel.note("it stops: \(reason)")
        post.noteEnd(reason)
        endOfPatience = kernel.now + (isHurried ? .zero : options.stopTimeLimit)
        checkDrained(reason)
    }

    func violate(_ text: String) {
        kernel.violate(text)
    }

    /// Looks at what must hold when the loop waits, and lets others act before it does.
    private func look(_ deadline: Instant?, _ act: () -> Void) {
        // What was not carried out yet has no effects to look at.
        if !kernel.isCongested { checkStep(deadline) }
        lastRetryTime = kernel.retryTime
        act()
        if !kernel.isCongested { checkSleep(deadline) }
        guard let letOthersGoOn else { return }
        pause = (true, deadline)
        letOthersGoOn()
        pause.isOn = false
        kernel.noteTime()
    }

    /// This loop waits, and another one has done something.
    func checkWhileOthersGoOn() {
        if pause.isOn && !kernel.isCongested { checkSleep(pause.deadline) }
    }

    /// The loop enters the kernel, to wait there unless its host waits elsewhere.
    private func turn(_ deadline: Instant?) throws(EngineError) {
        turns += 1
        noteDepartures()
        if largestBudget == nil {
            look(deadline, actInTurn)
        } else {
            actInTurn()
        }
        try kernel.loseRing()
        if turns > 5000 {
            throw EngineError(operation: "simulation", errno: 0, advice: "the server does not come to an end")
        }
    }

    private func actInTurn() {
        actOutside()
        if turns == turnsToServe {
            kernel.noteStop()
            if kernel.random.chance(300) { signalToStop() } else { control.requestStop() }
        } else if kernel.isStopping && kernel.random.chance(60) {
            if kernel.random.chance(700) {
                signalToStop()
            } else {
                hurry(.stopAtOnce) { control.requestStop(within: .zero) }
            }
        } else if kernel.random.chance(30) {
            EventDescriptor.signal(control.doorbell.descriptor)
        }
    }

    /// A signal comes that stops the server, or, if one has already, ends its connections at once.
    private func signalToStop() {
        guard hasStopSignal else {
            hasStopSignal = true
            kernel.note("a signal to stop")
            return control.arrived(.terminate)
        }
        hurry(.secondStopSignal) { control.arrived(.terminate) }
    }

    private func hurry(_ deed: Deed, _ ask: () -> Void) {
        kernel.note("its connections are to end at once: \(deed)")
        if endsConnections { kernel.tally.note(deed) }
        isHurried = true
        if post.end != nil { endOfPatience = .earlier(endOfPatience, kernel.now) }
        ask()
    }

    /// The server has terminated, and waits for connections.
    var endsConnections: Bool {
        ends > 0 && state.map { $0.pointee.connections.pointee.used.contains { $0.pointee.isEnding } } == true
    }
}
