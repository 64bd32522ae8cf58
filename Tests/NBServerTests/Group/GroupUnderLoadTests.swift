import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// A group that starts, changes its limits and rules, loses a shard and stops while clients of several threads come, on the real kernel.
@Suite(.serialized) struct GroupUnderLoadTests {
    private static let engines: [EngineChoice] = [.ring(.highestGranted), .epoll]
    private static let threadCount = 4
    private static let crowdCount = 40
    private static let crowdSize = 8
    private static let clientCount = threadCount * crowdCount * crowdSize

    /// What the clients of one thread came to.
    private struct Outcomes {
        var greeted = 0
        var reset = 0
        var refused = 0
        var others: [String] = []

        mutating func note(_ ending: Client.Ending) {
            switch ending {
            case .end(Clerk.greeting): greeted += 1
            case .end(let text): others.append("the end after \(text)")
            case .reset: reset += 1
            }
        }

        static func + (one: Outcomes, other: Outcomes) -> Outcomes {
            Outcomes(
                greeted: one.greeted + other.greeted,
                reset: one.reset + other.reset,
                refused: one.refused + other.refused,
                others: one.others + other.others
            )
        }
    }

    /// How many connections are open as the behaviors see it, and how many may be.
    ///
    /// Both are in one word, so that they are compared at one moment. The atomics order nothing else, so that the thread sanitizer sees what the
    /// library orders.
    private final class Door: Sendable {
        private let word: Atomic<UInt64>
        private let entered = Atomic<Int>(0)
        private let excess = Atomic<Int>(0)

        init(allowing count: Int) {
            word = Atomic(UInt64(count) << 32)
        }

        func enter() {
            let now = word.wrappingAdd(1, ordering: .relaxed).newValue
            entered.wrappingAdd(1, ordering: .relaxed)
            if now & 0xffff_ffff > now >> 32 { excess.wrappingAdd(1, ordering: .relaxed) }
        }

        func leave() {
            word.wrappingSubtract(1, ordering: .relaxed)
        }

        /// One thread at a time.
        func allow(_ count: Int) {
            let now = word.load(ordering: .relaxed) >> 32
            word.wrappingAdd((UInt64(count) &- now) << 32, ordering: .relaxed)
        }

        var openCount: UInt64 { word.load(ordering: .relaxed) & 0xffff_ffff }
        var enteredCount: Int { entered.load(ordering: .relaxed) }
        var excessCount: Int { excess.load(ordering: .relaxed) }
    }

    private struct Greeter: NonBlockingServer {
        let door: Door
        let ends: Record<ServerCounters>

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            door.enter()
            connection.send(Clerk.greeting)
            context.assign(connection, to: Guest(door: door))
            return .continue
        }

        consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {
            ends.append(context.counters)
        }
    }

    private struct Guest: ConnectionWorker {
        static let options = WorkerOptions()
        let door: Door

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {}
        func sent(_ connection: borrowing WorkerConnection<Self>) { connection.close() }
        consuming func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) { door.leave() }
    }

    /// Clients of one source come in crowds, the first before the group has started. None waits for an answer until then: the start is a
    /// task, and other tests may keep tasks from running for longer than a client waits.
    private static func visit(
        _ address: SocketAddress,
        from source: IPAddress,
        onceStarted: Gate,
        _ done: borrowing Atomic<Int>
    ) -> Outcomes {
        var outcomes = Outcomes()
        for _ in 0..<crowdCount {
            var clients: [Client] = []
            for _ in 0..<crowdSize {
                do {
                    clients.append(try Client(address, from: source))
                } catch is Client.Refused {
                    outcomes.refused += 1
                } catch {
                    outcomes.others.append("\(error)")
                }
            }
            onceStarted.wait()
            for client in clients {
                do { outcomes.note(try client.readToEnd()) } catch { outcomes.others.append("\(error)") }
            }
            done.wrappingAdd(crowdSize, ordering: .relaxed)
        }
        return outcomes
    }

    private final class Progress: Sendable {
        let done = Atomic<Int>(0)

        func hasCome(to count: Int) -> Bool { done.load(ordering: .relaxed) >= count }
    }

    /// Changes limits and rules until something has come about.
    private static func change(
        _ admission: Admission,
        _ door: Door,
        until hasCome: () -> Bool
    ) async throws {
        let rules = try SourceRules([(AddressPrefix("127.0.0.2"), .deny)], default: .allow)
        var present = admission.limits.maximumOpen ?? 0
        var round = 0
        while !hasCome() {
            let next = [6, 1, 4, 2][round % 4]
            if next > present { door.allow(next) }
            let answer: AdmissionLimits.Answer = round % 3 == 0 ? .reset : .wait
            try admission.setLimits(AdmissionLimits(maximumOpen: next, whenReached: answer))
            admission.setRules(round % 5 == 0 ? rules : nil)
            while admission.all.taken > next { await Task.yield() }
            door.allow(next)
            (present, round) = (next, round + 1)
        }
    }

    /// While a shard drains, and when listeners close, the kernel resets clients that no counter has. Otherwise each reset is counted.
    @Test(arguments: engines, [false, true])
    func nothingIsLostWhereEverythingChanges(on engine: EngineChoice, endsUnderLoad: Bool) async throws {
        let admission = try Admission(AdmissionLimits(maximumOpen: 2))
        let (door, ends, progress) = (Door(allowing: 2), Record<ServerCounters>(), Progress())
        let server = ServerOptions(
            admission: admission,
            quantum: 16,
            engine: EngineOptions(engine, submissionDepth: 16)
        )
        let group = try ServerGroup(listening: "127.0.0.1:0", options: GroupOptions(shards: 3, server: server)) { _ in
            Greeter(door: door, ends: ends)
        }
        let address = group.addresses[0]
        let started = Gate()
        let threads = (1...Self.threadCount).map { _ in Outcome<Outcomes>() }
        for (number, outcome) in threads.enumerated() {
            let source = try IPAddress("127.0.0.\(number + 1)")
            try startThread {
                outcome.resolve(Self.visit(address, from: source, onceStarted: started, progress.done))
            }
        }
        try await group.start()
        started.open()
        if endsUnderLoad {
            try await Self.change(admission, door) { progress.hasCome(to: Self.clientCount / 4) }
            async let drained = group.shards[2].drain(within: .seconds(60))
            try await Self.change(admission, door) { progress.hasCome(to: Self.clientCount * 3 / 4) }
            #expect("\(await drained)" == "\(StopReason.drained(unfinished: 0))")
        } else {
            try await Self.change(admission, door) { progress.hasCome(to: Self.clientCount) }
        }
        await group.stop()
        var clients = Outcomes()
        for outcome in threads { clients = await clients + outcome.resolved() }
        var counters = ServerCounters()
        for end in ends.entries { counters.add(end) }
        #expect(ends.entries.count == 3)
        #expect(clients.others == [])
        #expect(clients.greeted + clients.reset + clients.refused == Self.clientCount)
        #expect(clients.greeted == counters.delivered)
        #expect(counters.waiting == 0)
        if endsUnderLoad {
            #expect(clients.reset >= counters.discarded)
        } else {
            #expect(clients.reset == counters.discarded)
            #expect(clients.refused == 0)
        }
        #expect(door.enteredCount == counters.delivered)
        #expect(door.openCount == 0)
        #expect(door.excessCount == 0)
        #expect(admission.all.taken == 0)
    }
}
