import Glibc

@testable import NBServer
@testable import Uring

/// One random life of a server: a simulated kernel, a behavior that does anything a behavior may, and a stop at some moment.
/// Everything is drawn from the seed, so that a history that fails can be played again.
final class SimulatedHistory {
    /// What the server and the kernel came to.
    struct Outcome {
        var violations: [String]
        var trace: [String]
        var faults: [String: Int]
        var turns: Int
    }

    struct Refusal: Error {}
    struct Stuck: Error {}

    private let seed: UInt64
    private let kernel: SimulatedKernel
    private let sockets: [ListenSocket]
    private let control: LoopControl
    private let turnsToServe: Int
    private var turns = 0

    // What the behavior remembers.
    private var delivered = 0
    private var sent: [[UInt8]] = []
    private var kept: [(id: ConnectionID, number: Int)] = []
    private var held: [HeldConnection] = []
    private var ends = 0
    private var counters = ServerCounters()
    private var violations: [String] = []

    private final class HeldConnection {
        let number: Int
        private var connection: Connection?

        init(_ connection: consuming Connection, number: Int) {
            self.connection = consume connection
            self.number = number
        }

        func take() -> Connection? { connection.take() }
    }

    init(seed: UInt64, listeners: [ListenSocket], isTraced: Bool = false) throws {
        self.seed = seed
        var random = Randomness(seed: seed)
        sockets = listeners
        control = try LoopControl()
        turnsToServe = 5 + random.below(60)
        kernel = SimulatedKernel(
            seed: random.next(),
            listeners: listeners.map(\.descriptor),
            completionDepth: 1 << (1 + random.below(6)),
            completesSilently: random.chance(80),
            isTraced: isTraced
        )
    }

    func run() -> Outcome {
        var features = RingFeatures(rung: .deferred, submissionDepth: 64, completionDepth: kernel.completionDepth)
        features.acceptsMultishot = kernel.random.chance(80)
        features.completesSilently = kernel.completesSilently
        let behavior = ClosureBehavior(
            journal: Journal(),
            onInfo: { [unowned self] _ in kernel.random.chance(1) ? stop() : .continue },
            onEnd: { [unowned self] context in
                ends += 1
                counters = context.counters
                // What is held beyond the end is held against the rules.
                if kernel.random.chance(70) { held = [] }
            },
            onConnection: { [unowned self] _, connection, context in try serve(connection, context) }
        )
        var loop = Loop(
            engine: SimulatedEngine(kernel: kernel, features: features, onWait: { [unowned self] in try turn() }),
            sockets: sockets,
            behavior: TypedBehaviorBox(behavior),
            closesWait: false,
            control: control,
            options: ServerOptions()
        )
        do {
            _ = try loop.run {}
        } catch  where error.code == .listenerDown {
            // The last listener went down; everything else must be in order all the same.
        } catch {
            violations.append("the loop failed: \(error)")
        }
        _ = consume loop
        held = []
        check()
        return Outcome(
            violations: violations + kernel.violations,
            trace: kernel.trace,
            faults: kernel.faultCounts,
            turns: turns
        )
    }

    private func turn() throws {
        turns += 1
        if turns == turnsToServe {
            kernel.noteStop()
            control.requestStop()
            kernel.wake()
        } else if kernel.random.chance(3) {
            kernel.wake()
        }
        if turns > 5000 { throw Stuck() }
    }

    private func stop() -> Verdict {
        kernel.noteStop()
        return .stop
    }

    private func check() {
        func expect(_ isTrue: Bool, _ text: @autoclosure () -> String) {
            if !isTrue { violations.append(text()) }
        }
        expect(ends == 1, "terminate ran \(ends) times")
        expect(kernel.openCount == 0, "\(kernel.openCount) descriptors are still open")
        expect(!kernel.isAnythingInFlight, "the kernel still owes completions")
        let accepted = kernel.accepted.count
        expect(Int(counters.delivered) == delivered, "\(counters.delivered) counted, \(delivered) delivered")
        expect(
            Int(counters.accepted) == accepted,
            "the kernel accepted \(accepted), the server delivered or discarded \(counters.accepted)"
        )
        for (number, bytes) in sent.enumerated() where number < accepted {
            let socket = kernel.accepted[number]
            expect(bytes.starts(with: socket.received), "connection \(number) received what it was not sent")
            if !socket.isReset {
                expect(socket.received.count == bytes.count, "connection \(number) lost bytes without a reset")
            }
        }
    }
}

// The behavior.
extension SimulatedHistory {
    private func serve(_ connection: consuming Connection, _ context: borrowing ServerContext) throws -> Verdict {
        let number = delivered
        delivered += 1
        sent.append([])
        for _ in 0..<kernel.random.below(3) { send(number, on: connection) }
        useAnother(context)
        switch kernel.random.below(10) {
        case 0...3: connection.close()
        case 4, 5: kept.append((context.keep(connection), number))
        case 6: connection.release { [unowned self] in kernel.handOut($0) }
        case 7: connection.reset()
        case 8: held.append(HeldConnection(connection, number: number))
        default: throw Refusal()
        }
        return kernel.random.chance(1) ? stop() : .continue
    }

    private func send(_ number: Int, on connection: borrowing Connection) {
        let length = kernel.random.chance(80) ? kernel.random.below(40) : kernel.random.below(9000)
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ number) }
        sent[number] += bytes
        connection.send(bytes)
    }

    /// Does something to a connection of earlier.
    private func useAnother(_ context: borrowing ServerContext) {
        if kernel.random.chance(30), let choice = kept.indices.randomElement(using: &kernel.random) {
            let (id, number) = kept[choice]
            if kernel.random.chance(50) {
                try? context.withConnection(id) { send(number, on: $0) }
            } else {
                kept.remove(at: choice)
                if let connection = try? context.take(id) { end(connection) }
            }
        }
        if kernel.random.chance(20), let choice = held.indices.randomElement(using: &kernel.random) {
            if let connection = held.remove(at: choice).take() { end(connection) }
        }
    }

    private func end(_ connection: consuming Connection) {
        switch kernel.random.below(3) {
        case 0: connection.close()
        case 1: connection.reset()
        default: connection.release { [unowned self] in kernel.handOut($0) }
        }
    }
}
