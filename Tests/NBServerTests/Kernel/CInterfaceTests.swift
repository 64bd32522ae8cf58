import CNBServer
import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer

/// The functions of nbserver.h, called as a C program calls them: every connection once, nothing left open, and an error for every
/// misuse.
@Suite(.serialized) struct CInterfaceTests {
    /// What the kernel grants less makes no difference to the interface.
    static let engines = [EngineChoice.highestGranted, .epoll]

    private static func expectGreetings(_ clients: [Client]) throws {
        for client in clients { expect(try client.readToEnd(), is: .end(CProgram.greeting), "a client") }
    }

    private static func expectCounters(of program: CProgram, delivered: UInt64) {
        let counters = program.counters
        #expect(counters.accepted == delivered)
        #expect(counters.delivered == delivered)
        #expect(counters.discarded == 0)
        #expect(counters.shed == 0)
        #expect(counters.accept_failures == 0)
        #expect(counters.armed >= 1)
    }

    private static func expectRefusal(
        _ result: Int32,
        _ code: Int,
        saying words: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        expect(Int(result), is: code, "the code", sourceLocation: sourceLocation)
        let text = String(cString: nb_last_error())
        if !text.contains(words) { Issue.record("\(text) says nothing of \(words)", sourceLocation: sourceLocation) }
    }

    /// Whether the calling thread has blocked a signal.
    private static func isBlocked(_ signal: Int32) -> Bool {
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        return sigismember(&mask, signal) == 1
    }

    @Test(arguments: engines, [1, 3, 1024])
    func aCrowdIsTakenInTurns(on engine: EngineChoice, budget: Int) async {
        await #expect(processExitsWith: .success) { [engine, budget] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine) { $0.quantum = 64 }
                let addresses = try (0..<2).map { try program.listen(expecting: $0) }
                let clients = try (0..<2000).map { try Client(addresses[$0 % 2]) }
                try program.turn(budget: budget) { program.taken.entries.count == 2000 }
                try program.turnUntilSilent()
                try Self.expectGreetings(clients)
                #expect(program.taken.entries.count == 2000)
                #expect(program.taken.entries.count { $0.listener == 1 } == 1000)
                #expect(program.taken.entries.allSatisfy { $0.peer == nil })
                #expect(program.batchSizes.entries.reduce(0, +) == 2000)
                #expect(program.batchSizes.entries.allSatisfy { (1...64).contains($0) })
                Self.expectCounters(of: program, delivered: 2000)
                try CProgram.must(nb_server_stop(program.server))
                try program.turnToTheEnd()
                #expect(nb_server_turn(program.server, 1) == NB_DONE)
                let events = program.events.entries
                #expect(
                    events.map(\.number) == [NB_EVENT_BEGAN, NB_EVENT_LISTENING, NB_EVENT_LISTENING, NB_EVENT_ENDED]
                )
                #expect(events.dropFirst().map(\.text) == addresses.map(\.description) + ["stop requested"])
                #expect(events[0].text.hasPrefix(engine == .epoll ? "epoll of " : "io_uring of "))
                try program.free()
            }
        }
    }

    @Test(arguments: engines)
    func aCrowdIsTakenByAThreadOfTheServersOwn(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let masks = Record<Bool>()
                let program = try CProgram(
                    on: engine,
                    { $0.quantum = 64 },
                    onBatch: { _ in
                        masks.append(Self.isBlocked(SIGTERM))
                    }
                )
                let address = try program.listen()
                // A task's thread has blocked it.
                var signals = sigset_t()
                sigaddset(&signals, SIGTERM)
                pthread_sigmask(SIG_UNBLOCK, &signals, nil)
                try CProgram.must(nb_server_start(program.server))
                #expect(!Self.isBlocked(SIGTERM))
                let second = try program.listen(on: "[::1]:0", expecting: 1)
                let clients = try (0..<2000).map { try Client($0 % 2 == 0 ? address : second) }
                try Self.expectGreetings(clients)
                #expect(nb_server_wait(program.server, 0) == NB_AGAIN)
                try CProgram.must(nb_server_stop(program.server))
                #expect(nb_server_wait(program.server, -1) == NB_DONE)
                #expect(nb_server_wait(program.server, 0) == NB_DONE)
                #expect(program.taken.entries.count { $0.listener == 0 } == 1000)
                #expect(program.taken.entries.count { $0.listener == 1 } == 1000)
                #expect(program.batchSizes.entries.allSatisfy { (1...64).contains($0) })
                #expect(masks.entries.allSatisfy { $0 })
                Self.expectCounters(of: program, delivered: 2000)
                #expect(program.events.entries.last?.number == NB_EVENT_ENDED)
                try program.free()
            }
        }
    }

    @Test(arguments: engines)
    func addressesOfClientsAreToldWhereTheyAreAskedFor(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine) {
                    $0.peer_addresses = 1
                    $0.one_shot = 1
                }
                let addresses = [try program.listen(), try program.listen(on: "[::1]:0")]
                for (number, address) in addresses.enumerated() {
                    let client = try Client(address)
                    try program.turn { program.taken.entries.count == number + 1 }
                    #expect(program.taken.entries.last?.peer == client.localAddress)
                    try Self.expectGreetings([client])
                }
                try program.free()
            }
        }
    }

    @Test(arguments: engines)
    func aDrainDeliversWhoWaits(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                let address = try program.listen()
                try CProgram.must(nb_server_drain(program.server, 60_000))
                let clients = try (0..<100).map { _ in try Client(address) }
                try program.turnToTheEnd()
                try Self.expectGreetings(clients)
                Self.expectCounters(of: program, delivered: 100)
                #expect(program.events.entries.contains { $0.number == NB_EVENT_DRAINING })
                #expect(program.events.entries.last == .init(number: NB_EVENT_ENDED, text: "drained"))
                try program.free()
            }
        }
    }

    enum Way: String, CaseIterable, Codable {
        case ready, turned, started
    }

    /// Clients that wait are reset, the address is free, and nothing is called back any more.
    @Test(arguments: engines, Way.allCases)
    func whatIsFreedWithoutAStopEnds(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                let address = try program.listen()
                var clients: [Client] = []
                switch way {
                case .ready: break
                case .turned:
                    clients.append(try Client(address))
                    try program.turn { program.taken.entries.count == 1 }
                case .started:
                    try CProgram.must(nb_server_start(program.server))
                    clients.append(try Client(address))
                    try KernelScenario.wait(for: "the client is taken") { program.taken.entries.count == 1 }
                }
                try program.free()
                try Self.expectGreetings(clients)
                #expect(throws: Client.Refused.self) { try Client(address) }
                #expect(program.events.entries.count { $0.number == NB_EVENT_ENDED } == (way == .ready ? 0 : 1))
                #expect(Int(nb_server_stop(program.server)) == NB_INVALID_HANDLE)
            }
        }
    }

    /// What a callback may do: stop, drain, listen, look. What it may not do is refused, and the server goes on.
    @Test(arguments: engines, [Way.turned, .started])
    func aCallbackIsRefusedWhatWouldNeverEnd(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let results = Record<Int>()
                let program = try CProgram(
                    on: engine,
                    onBatch: { server in
                        results.append(Int(nb_server_turn(server, 1)))
                        results.append(Int(nb_server_wait(server, -1)))
                        results.append(Int(nb_server_free(server)))
                        results.append(Int(nb_server_start(server)))
                        results.append(Int(nb_server_add_listener(server, "127.0.0.1:0", nil, 0)))
                        results.append(Int(nb_server_drain(server, 1000)))
                        results.append(Int(nb_server_stop(server)))
                    }
                )
                let address = try program.listen()
                if way == .started { try CProgram.must(nb_server_start(program.server)) }
                let client = try Client(address)
                if way == .started {
                    #expect(nb_server_wait(program.server, -1) == NB_DONE)
                } else {
                    try program.turnToTheEnd()
                }
                try Self.expectGreetings([client])
                let (turn, wait) =
                    way == .turned ? (NB_IN_CALLBACK, NB_ALREADY_RUNS) : (NB_ALREADY_RUNS, NB_IN_CALLBACK)
                #expect(results.entries == [turn, wait, NB_IN_CALLBACK, NB_ALREADY_RUNS, 1, 0, 0])
                try program.free()
            }
        }
    }

    @Test(arguments: engines)
    func anotherThreadMayNotTurnOrFreeIt(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                let address = try program.listen()
                #expect(nb_server_descriptor(program.server) >= 0)
                HelperThread {
                    let server = program.server
                    Self.expectRefusal(nb_server_turn(server, 1), NB_WRONG_THREAD, saying: "by another thread")
                    Self.expectRefusal(nb_server_descriptor(server), NB_WRONG_THREAD, saying: "nb_server_descriptor")
                    Self.expectRefusal(nb_server_free(server), NB_WRONG_THREAD, saying: "nb_server_free")
                    Self.expectRefusal(nb_server_start(server), NB_ALREADY_RUNS, saying: "a loop turns the server")
                    Self.expectRefusal(nb_server_wait(server, 0), NB_ALREADY_RUNS, saying: "NB_DONE")
                }.join()
                // Its own errors are another thread's.
                #expect(String(cString: nb_last_error()) == "")
                let client = try Client(address)
                try program.turn { program.taken.entries.count == 1 }
                try Self.expectGreetings([client])
                HelperThread { #expect(nb_server_stop(program.server) == 0) }.join()
                try program.turnToTheEnd()
                try program.free()
            }
        }
    }

    @Test(arguments: engines)
    func whatRunsInOneWayDoesNotRunInTheOther(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let started = try CProgram(on: engine)
                Self.expectRefusal(
                    nb_server_turn(started.server, 1),
                    NB_NOT_RUNNING,
                    saying: "nb_server_descriptor first"
                )
                Self.expectRefusal(nb_server_wait(started.server, 0), NB_NOT_RUNNING, saying: "was not started")
                try CProgram.must(nb_server_start(started.server))
                Self.expectRefusal(nb_server_start(started.server), NB_ALREADY_RUNS, saying: "runs once")
                Self.expectRefusal(nb_server_descriptor(started.server), NB_ALREADY_RUNS, saying: "thread of its own")
                Self.expectRefusal(nb_server_turn(started.server, 1), NB_ALREADY_RUNS, saying: "thread of its own")
                try started.free()

                let stopped = try CProgram(on: engine)
                let address = try stopped.listen()
                try CProgram.must(nb_server_stop(stopped.server))
                #expect(throws: Client.Refused.self) { try Client(address) }
                Self.expectRefusal(nb_server_start(stopped.server), NB_STOPPED, saying: "before it ran")
                Self.expectRefusal(nb_server_descriptor(stopped.server), NB_STOPPED, saying: "before it ran")
                let late = nb_server_add_listener(stopped.server, "127.0.0.1:0", nil, 0)
                Self.expectRefusal(late, NB_STOPPED, saying: "stopped")
                #expect(nb_server_wait(stopped.server, -1) == NB_DONE)
                try stopped.free()
            }
        }
    }

    /// A child of fork(2) is told, and its parent's server goes on. Where the parent has another thread, which may be in the middle of
    /// anything, the child must not do much more.
    @Test(arguments: engines, Way.allCases)
    func aForkedChildIsToldAndServesWithItsOwn(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                let address = try program.listen()
                if way == .turned { try CProgram.must(nb_server_descriptor(program.server)) }
                if way == .started {
                    try CProgram.must(nb_server_start(program.server))
                    // Now its thread has nothing to do.
                    try Self.expectGreetings([try Client(address)])
                    try KernelScenario.wait(for: "the turn is over") { program.counters.delivered == 1 }
                }
                try ForkedChild.run {
                    let server = program.server
                    // Without an array, whose type the runtime makes under a lock that the other thread may have held.
                    let forked = Int32(NB_FORKED)
                    guard nb_server_turn(server, 1) == forked, nb_server_descriptor(server) == forked,
                        nb_server_start(server) == forked, nb_server_stop(server) == forked,
                        nb_server_drain(server, 1) == forked, nb_server_wait(server, -1) == forked,
                        nb_server_add_listener(server, "127.0.0.1:0", nil, 0) == forked,
                        nb_server_free(server) == 0, nb_server_stop(server) == Int32(NB_INVALID_HANDLE)
                    else { _exit(2) }
                    guard way != .started else { return }
                    do {
                        let own = try CProgram(on: engine)
                        let client = try Client(try own.listen())
                        try own.turn { own.taken.entries.count == 1 }
                        guard try client.readToEnd() == .end(CProgram.greeting) else { _exit(3) }
                        try own.free()
                    } catch {
                        _exit(4)
                    }
                }
                if way == .ready { try CProgram.must(nb_server_start(program.server)) }
                let client = try Client(address)
                if way == .turned { try program.turn { program.taken.entries.count == 1 } }
                try Self.expectGreetings([client])
                try program.free()
            }
        }
    }

    /// A server that cannot begin says why, and says it again.
    @Test(arguments: engines, [Way.turned, .started])
    func withoutDescriptorsItEndsWithTheCause(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                _ = try program.listen()
                DescriptorLimit.lower()
                let begin = way == .turned ? nb_server_descriptor : nb_server_start
                Self.expectRefusal(begin(program.server), NB_OUT_OF_RESOURCES, saying: "ulimit -n")
                DescriptorLimit.raise()
                if way == .turned {
                    Self.expectRefusal(nb_server_turn(program.server, 1), NB_OUT_OF_RESOURCES, saying: "ulimit -n")
                    Self.expectRefusal(nb_server_descriptor(program.server), NB_OUT_OF_RESOURCES, saying: "ulimit -n")
                } else {
                    Self.expectRefusal(nb_server_wait(program.server, -1), NB_OUT_OF_RESOURCES, saying: "ulimit -n")
                }
                try program.free()
            }
        }
    }

    /// The listener is shut down behind the server's back: it ends with that error, in a loop and on a thread of its own.
    @Test(arguments: engines, [Way.turned, .started])
    func aServerThatFailsReturnsItsError(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let program = try CProgram(on: engine)
                let address = try program.listen()
                if way == .started { try CProgram.must(nb_server_start(program.server)) }
                let client = try Client(address)
                if way == .turned { try program.turn { program.taken.entries.count == 1 } }
                try Self.expectGreetings([client])
                try ListeningDescriptor(of: address).shutDown()
                var result: Int32 = 0
                if way == .started {
                    result = nb_server_wait(program.server, -1)
                } else {
                    while result >= 0 && result != NB_DONE {
                        var polled = pollfd(fd: nb_server_descriptor(program.server), events: Int16(POLLIN), revents: 0)
                        _ = poll(&polled, 1, 60_000)
                        result = nb_server_turn(program.server, 1)
                    }
                }
                Self.expectRefusal(result, NB_LISTENER_DOWN, saying: "behind the server's back")
                #expect(program.events.entries.suffix(2).map(\.number) == [NB_EVENT_DOWN, NB_EVENT_ENDED])
                try program.free()
            }
        }
    }
}
