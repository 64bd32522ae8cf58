import CLinux
import Dispatch
import Glibc
import GrantedLevels
import NBEngine
import Synchronization
import Testing

@testable import NBServer

/// A server that a loop of the test turns, by the public interface, on each level and on epoll: exactly once, woken by one descriptor,
/// and silent when there is nothing to do.
@Suite(.serialized) struct EmbeddedServerTests {
    /// What a server leaves behind.
    private final class Ledger: Sendable {
        let delivered = Atomic<Int>(0)
        let ends = Record<String>()
        let counters = Record<ServerCounters>()

        var count: Int { delivered.load(ordering: .relaxed) }

        /// A clerk that greets, and writes down here.
        var clerk: Clerk {
            var clerk = Clerk()
            clerk.onConnection = { [self] _, connection, _ in
                delivered.add(1, ordering: .relaxed)
                connection.send(Clerk.greeting)
                return .continue
            }
            clerk.onEnd = { [self] _, reason, context in
                ends.append("\(reason)")
                counters.append(context.counters)
            }
            return clerk
        }

        func expectEnd(_ reason: String, delivered: UInt64) throws {
            #expect(ends.entries == [reason])
            let counters = try #require(counters.entries.first)
            #expect(counters.delivered == delivered)
            #expect(counters.discarded == 0)
            #expect(counters.failed == 0)
        }
    }

    private static func server(
        _ clerk: Clerk,
        on engine: EngineChoice,
        listeners: Int = 1
    ) throws -> Server<Clerk> {
        try Server(
            clerk,
            listening: Array(repeating: "127.0.0.1:0", count: listeners),
            options: ServerOptions(quantum: 64, engine: engine.options)
        )
    }

    private static func expectGreetings(_ clients: [Client]) throws {
        for client in clients { expect(try client.readToEnd(), is: .end(Clerk.greeting), "a client") }
    }

    @Test(arguments: EngineChoice.granted)
    func aCrowdIsServedWithAnyBudget(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for budgets in [1...1, 1...3, 1024...1024] {
                    let ledger = Ledger()
                    let server = try Self.server(ledger.clerk, on: engine)
                    var host = PollingHost(try server.embed(), budgets: budgets)
                    let clients = try (0..<2000).map { _ in try Client(server.addresses[0]) }
                    try host.turn { ledger.count == 2000 }
                    host.turnUntilSilent()
                    try Self.expectGreetings(clients)
                    server.requestStop()
                    guard case .requested = try host.turnToTheEnd() else { return Self.fail("another reason") }
                    try ledger.expectEnd("stop requested", delivered: 2000)
                }
            }
        }
    }

    /// More is there at once than the engine holds, and then nothing comes that could wake a host that has missed some of it.
    @Test(arguments: EngineChoice.granted)
    func crowdsOnManyListenersAndThenSilence(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine, listeners: 25)
                var host = PollingHost(try server.embed(), budgets: 1...1)
                for round in 1...3 {
                    host.turnUntilSilent()
                    let clients = try server.addresses.flatMap { address in
                        try (0..<20).map { _ in try Client(address) }
                    }
                    try host.turn { ledger.count == 500 * round }
                    host.turnUntilSilent()
                    try Self.expectGreetings(clients)
                }
                server.requestStop()
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 1500)
            }
        }
    }

    /// A host that reads the descriptor before it turns, and one that watches it edge-triggered and turns until it is idle.
    @Test(arguments: EngineChoice.granted, [false, true])
    func hostsOfOtherHabitsMissNothing(on engine: EngineChoice, isEdgeTriggered: Bool) async {
        await #expect(processExitsWith: .success) { [engine, isEdgeTriggered] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine, listeners: 3)
                let embedded = try server.embed()
                let epoll = epoll_create1(O_CLOEXEC)
                defer { close(epoll) }
                let kinds = EPOLLIN.rawValue | (isEdgeTriggered ? EPOLLET.rawValue : 0)
                var event = epoll_event(events: kinds, data: epoll_data_t(u64: 0))
                #expect(epoll_ctl(epoll, EPOLL_CTL_ADD, embedded.descriptor, &event) == 0)
                var clients: [Client] = []
                var bytes: UInt64 = 0
                for round in 1...100 {
                    for address in server.addresses { clients.append(try Client(address)) }
                    while ledger.count < 3 * round {
                        let count = epoll_wait(epoll, &event, 1, 60_000)
                        // Below Linux 6.1's the ring interrupts its thread.
                        if count < 0 && errno == EINTR { continue }
                        guard count == 1 else { throw PollingHost.FellAsleep() }
                        if isEdgeTriggered {
                            while case .again = embedded.turn(budget: 1) {}
                        } else {
                            _ = read(embedded.descriptor, &bytes, 8)
                            while case .again = embedded.turn(budget: 2) {}
                        }
                    }
                }
                try Self.expectGreetings(clients)
                server.requestStop()
                var host = PollingHost(embedded)
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 300)
            }
        }
    }

    /// Messages, timers and listeners from other threads wake the host through the one descriptor.
    @Test(arguments: EngineChoice.granted)
    func callsAndTimersWakeTheHost(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let timers = Record<String>()
                var clerk = ledger.clerk
                clerk.onInfo = { _, info, _ in
                    if case .timer = info { timers.append("timer") }
                    return .continue
                }
                let server = try Self.server(clerk, on: engine)
                var host = PollingHost(try server.embed(), budgets: 1...2)
                host.turnUntilSilent()
                let answers = Record<Int>()
                for number in 1...50 {
                    let thread = HelperThread { [server] in
                        // A call that fails leaves no answer.
                        try? server.cast(.add(number))
                        if let answer = try? server.callBlocking(Clerk.Call.total, within: nil) {
                            answers.append(answer)
                        }
                    }
                    // The caller has its answer when no turn is due any more.
                    while answers.entries.count < number { host.turnUntilSilent(within: 10) }
                    thread.join()
                }
                #expect(answers.entries == (1...50).map { $0 * ($0 + 1) / 2 })
                host.turnUntilSilent()
                for delay in [30, 10] {
                    try server.cast(
                        .perform { _, context in
                            _ = context.startTimer(after: .milliseconds(delay))
                            return .continue
                        }
                    )
                    host.turnUntilSilent()
                }
                try host.turn { timers.entries.count == 2 }
                host.turnUntilSilent()
                server.requestStop()
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 0)
            }
        }
    }

    /// Completions may use up every budget: a server under load is to be called and drained all the same.
    @Test(arguments: EngineChoice.granted)
    func messagesAreHandledWhileConnectionsComeAndComeAgain(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let handled = Record<Int>()
                let server = try Self.server(ledger.clerk, on: engine)
                var host = PollingHost(try server.embed(), budgets: 1...1)
                host.turnUntilSilent()
                let clients = try (0..<200).map { _ in try Client(server.addresses[0]) }
                // The first completions are there from now on.
                try host.turn { ledger.count > 0 }
                for number in 1...3 {
                    try server.cast(
                        .perform { _, _ in
                            handled.append(number)
                            return .continue
                        }
                    )
                }
                for _ in 0..<10 { try host.turn() }
                #expect(handled.entries == [1, 2, 3])
                #expect(ledger.count < 200)
                try host.turn { ledger.count == 200 }
                host.turnUntilSilent()
                try Self.expectGreetings(clients)
                server.requestStop()
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 200)
            }
        }
    }

    /// The caller has its answer though no turn follows, and the own thread is not made to wait for itself.
    @Test(arguments: EngineChoice.granted)
    func aReplyBetweenTurnsLeavesAtOnce(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine)
                var host = PollingHost(try server.embed())
                let callers = Record<Caller<Int>>()
                let answers = Record<Int>()
                let thread = HelperThread { [server] in
                    let answer = try? server.callBlocking(
                        { caller in
                            .perform(
                                { _, caller, _ in
                                    callers.append(caller)
                                    return .continue
                                },
                                caller
                            )
                        },
                        within: nil
                    )
                    answers.append(answer ?? -1)
                }
                try host.turn { callers.entries.count == 1 }
                callers.entries[0].reply(42)
                thread.join()
                #expect(answers.entries == [42])
                do {
                    _ = try Self.block { try server.callBlocking(Clerk.Call.total) }
                    Issue.record("it waited for itself")
                } catch CallError.calledItself {}
                server.requestStop()
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 0)
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainServesWhoWaitsAndEnds(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine, listeners: 2)
                var host = PollingHost(try server.embed(), budgets: 1...5)
                host.turnUntilSilent()
                let clients = try server.addresses.flatMap { address in try (0..<100).map { _ in try Client(address) } }
                server.requestDrain(within: .seconds(60))
                guard case .drained(unfinished: 0) = try host.turnToTheEnd() else {
                    return Self.fail("it stopped for another reason")
                }
                try Self.expectGreetings(clients)
                #expect(ledger.count == 200)
            }
        }
    }

    enum EndFromWithin: String, CaseIterable, Codable {
        case verdict, error, stop
    }

    @Test(arguments: EngineChoice.granted, EndFromWithin.allCases)
    func aCallbackEndsTheServer(on engine: EngineChoice, way: EndFromWithin) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine)
                var host = PollingHost(try server.embed())
                try server.cast(
                    .perform { [server] _, _ in
                        switch way {
                        case .verdict: return .stop("enough")
                        case .error: throw Clerk.Trouble()
                        case .stop:
                            server.stopBlocking()
                            return .continue
                        }
                    }
                )
                let reason = try host.turnToTheEnd()
                switch (way, reason) {
                case (.verdict, .verdict("enough")), (.stop, .requested): break
                case (.error, .failed(let error)): #expect(error is Clerk.Trouble)
                default: Issue.record("\(way) ended it with \(reason)")
                }
                // It says so again, and others hear it.
                guard case .done = host.embedded.turn() else { return Self.fail("it goes on") }
                #expect(!host.isReadable(within: 0))
                #expect("\(String(describing: server.waitForEndBlocking()))".contains("\(reason)"))
                #expect(throws: CastError.self) { try server.cast(.add(1)) }
            }
        }
    }

    /// Connections that have not taken everything are reset.
    @Test(arguments: EngineChoice.granted, [false, true])
    func whoIsDroppedEndsAtOnce(on engine: EngineChoice, inCallback: Bool) async {
        await #expect(processExitsWith: .success) { [engine, inCallback] in
            try await KernelScenario.run(on: engine) {
                final class Holder: @unchecked Sendable {
                    var embedded: EmbeddedServer?
                }
                let ledger = Ledger()
                let holder = Holder()
                var clerk = ledger.clerk
                clerk.onConnection = { clerk, connection, context in
                    ledger.delivered.add(1, ordering: .relaxed)
                    // More than the kernel takes.
                    connection.send(String(repeating: "n", count: 8 << 20))
                    clerk.kept.append(context.keep(connection))
                    if inCallback && clerk.kept.count == 2 { holder.embedded = nil }
                    return .continue
                }
                let server = try Self.server(clerk, on: engine)
                holder.embedded = try server.embed()
                let clients = try (0..<2).map { _ in try Client(server.addresses[0]) }
                while ledger.count < 2, holder.embedded?.turn(budget: 64) != nil {}
                holder.embedded = nil
                #expect(ledger.ends.entries == ["stop requested"])
                for client in clients { expect(try client.readToEnd(), is: .reset, "a client") }
                guard case .requested = server.waitForEndBlocking() else { return Self.fail("another reason") }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func severalOnOneThreadAreIndependent(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledgers = (0..<3).map { _ in Ledger() }
                let servers = try ledgers.map { try Self.server($0.clerk, on: engine) }
                var hosts = try servers.map { PollingHost(try $0.embed()) }
                let clients = try servers.flatMap { server in try (0..<50).map { _ in try Client(server.addresses[0]) }
                }
                // The last one has nothing done for it while the first is served and stopped.
                for number in 0..<3 {
                    try hosts[number].turn { ledgers[number].count == 50 }
                    #expect(ledgers.map(\.count) == (0..<3).map { $0 <= number ? 50 : 0 })
                    servers[number].requestStop()
                    _ = try hosts[number].turnToTheEnd()
                }
                try Self.expectGreetings(clients)
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func whatCannotBeEmbeddedSaysSo(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                func code(_ body: () throws -> EmbeddedServer) -> ServerError.Code? {
                    do {
                        _ = try body()
                        return nil
                    } catch {
                        return (error as? ServerError)?.code
                    }
                }
                let stopped = try Self.server(Clerk(), on: engine)
                stopped.requestStop()
                #expect(code { try stopped.embed() } == .stopped)

                let embedded = try Self.server(Clerk(), on: engine)
                let first = try embedded.embed()
                #expect(code { try embedded.embed() } == .alreadyRan)
                _ = first

                var declining = Clerk()
                declining.onBegin = { _, _ in .stop("no") }
                let declined = try Self.server(declining, on: engine)
                #expect(code { try declined.embed() } == .declined)

                var failing = Clerk()
                failing.onBegin = { _, _ in throw Clerk.Trouble() }
                let failed = try Self.server(failing, on: engine)
                #expect(code { try failed.embed() } == .beginFailed)
            }
        }
    }

    enum Misuse: String, CaseIterable, Codable {
        case turnInCallback, turnOnOtherThread, turnOnConcurrentQueue, dropOnOtherThread, turnInChild, stopBlocking,
            waitForEndBlocking

        var complaint: String {
            switch self {
            case .turnInCallback: "a callback turns the server that called it"
            case .turnOnOtherThread, .turnOnConcurrentQueue, .dropOnOtherThread:
                "an embedded server is turned by the thread that called embed()"
            case .turnInChild: "a forked child turns a server of its parent"
            case .stopBlocking: "stopBlocking on the thread that turns the server would wait for ever"
            case .waitForEndBlocking: "waitForEndBlocking on the thread that turns the server would wait for ever"
            }
        }
    }

    #if DEBUG
    @Test(arguments: Misuse.allCases)
    func misuseEndsTheProcessWithTheCause(_ misuse: Misuse) async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) { [misuse] in
            final class Holder: @unchecked Sendable {
                var embedded: EmbeddedServer?
            }
            let holder = Holder()
            let server = try Server(Clerk(), listening: [])
            holder.embedded = try server.embed()
            switch misuse {
            case .turnInCallback:
                try server.cast(
                    .perform { _, _ in
                        holder.embedded?.turn()
                        return .continue
                    }
                )
                holder.embedded?.turn()
            case .turnOnOtherThread:
                HelperThread { holder.embedded?.turn() }.join()
            case .turnOnConcurrentQueue:
                // As a source on that queue would.
                let queue = DispatchQueue(label: "concurrent", attributes: .concurrent)
                let turned = DispatchSemaphore(value: 0)
                queue.async {
                    holder.embedded?.turn()
                    turned.signal()
                }
                Self.block { turned.wait() }
            case .dropOnOtherThread:
                HelperThread { holder.embedded = nil }.join()
            case .turnInChild:
                try ForkedChild.run { holder.embedded?.turn() }
            case .stopBlocking: Self.block { server.stopBlocking() }
            case .waitForEndBlocking: Self.block { _ = server.waitForEndBlocking() }
            }
        }
        let words = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(words.contains(misuse.complaint), "\(words)")
    }
    #endif

    /// A child that drops what it got copies of changes nothing for its parent.
    @Test(arguments: EngineChoice.granted)
    func aChildMayDropWhatIsItsParents(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let ledger = Ledger()
                let server = try Self.server(ledger.clerk, on: engine)
                var embedded: EmbeddedServer? = try server.embed()
                try ForkedChild.run { embedded = nil }
                guard let embedded else { return Self.fail("the parent has lost it") }
                var host = PollingHost(embedded)
                let client = try Client(server.addresses[0])
                try host.turn { ledger.count == 1 }
                host.turnUntilSilent()
                try Self.expectGreetings([client])
                server.requestStop()
                _ = try host.turnToTheEnd()
                try ledger.expectEnd("stop requested", delivered: 1)
            }
        }
    }

    private static func fail(_ words: Comment) {
        Issue.record(words)
    }

    /// Does what tasks may not, which the exit test's body is.
    private static func block<Value>(_ body: () throws -> Value) rethrows -> Value {
        try body()
    }

    /// A host that forks serves in its children, each with a server of its own.
    @Test(arguments: EngineChoice.granted)
    func aChildServesWithAServerOfItsOwn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let embedded = try Self.server(Clerk(), on: engine).embed()
                try ForkedChild.run {
                    do {
                        let ledger = Ledger()
                        let server = try Self.server(ledger.clerk, on: engine)
                        var host = PollingHost(try server.embed())
                        let client = try Client(server.addresses[0])
                        try host.turn { ledger.count == 1 }
                        host.turnUntilSilent()
                        guard case .end(Clerk.greeting) = try client.readToEnd() else { _exit(2) }
                        server.requestStop()
                        _ = try host.turnToTheEnd()
                        if ledger.ends.entries != ["stop requested"] { _exit(3) }
                    } catch {
                        _exit(4)
                    }
                }
                withExtendedLifetime(embedded) {}
            }
        }
    }
}

extension EngineChoice {
    /// The engine that a server is asked to take.
    fileprivate var options: EngineOptions { EngineOptions(self, submissionDepth: 64) }
}
