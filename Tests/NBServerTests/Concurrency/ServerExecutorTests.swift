import Glibc
import NBLibc
import Synchronization
import Testing

@testable import NBServer

/// A server's thread as an executor: where jobs run, when, and what becomes of them without that thread.
@Suite(.serialized) struct ServerExecutorTests {
    private func run(
        _ hooks: Hall.Hooks = Hall.Hooks(),
        _ options: ServerOptions = ServerOptions()
    ) async throws -> (server: Server<Hall>, desk: Desk, thread: UInt) {
        let server = try Server(Hall(hooks: hooks), listening: .unshared, options: options)
        try await server.start()
        return (server, await hooks.desk.resolved(), await hooks.thread.resolved())
    }

    @Test func aCallbackEntersItsActorWithoutAHop() async throws {
        let (server, desk, thread) = try await run()
        for _ in 0..<50 { #expect(try Client(server.addresses[0]).readToEnd() == .end("hello")) }
        #expect(await desk.threads == Array(repeating: thread, count: 50))
        await server.stop()
    }

    @Test func tasksAndActorsRunOnTheServersThread() async throws {
        let (server, desk, thread) = try await run()
        let executor = try server.executor
        await desk.note()
        let task = Task(executorPreference: executor) { currentThreadNumber() }
        #expect(await task.value == thread)
        #expect(await desk.threads == [thread])
        #expect(executor.isIsolatingCurrentContext() == false)
        await server.stop()
    }

    /// A mailbox without room refuses messages, and a suspended server handles none.
    @Test func jobsMindNeitherTheMailboxesLimitNorSuspension() async throws {
        let (server, desk, thread) = try await run(Hall.Hooks(), ServerOptions(mailboxLimit: 0))
        #expect(throws: CastError.self) { try server.cast(.note) }
        await desk.note()
        try await server.suspendMessages()
        await desk.note()
        #expect(await desk.threads == [thread, thread])
        await server.stop()
    }

    @Test func jobsThatComeBeforeTheServerRunsWaitForIt() async throws {
        let hooks = Hall.Hooks()
        let server = try Server(Hall(hooks: hooks), listening: .unshared)
        let desk = Desk(try server.executor)
        let note = Task { await desk.note() }
        let thread = Task(executorPreference: try server.executor) { currentThreadNumber() }
        try await server.start()
        await note.value
        #expect(await thread.value == hooks.thread.value)
        #expect(await desk.threadSet == [try #require(hooks.thread.value)])
        await server.stop()
    }

    enum End: CaseIterable {
        case stopped, dropped
    }

    @Test(arguments: End.allCases)
    func jobsOfAServerThatNeverRunsRunElsewhere(end: End) async throws {
        var server: Server<Hall>? = try Server(Hall(hooks: Hall.Hooks()), listening: .unshared)
        let desk = Desk(try #require(try server?.executor))
        let early = Task { await desk.note() }
        if end == .stopped { await server?.stop() }
        server = nil
        await early.value
        await desk.note()
        #expect(await desk.count == 2)
    }

    /// One job at a time, though eight tasks enqueue at once, and each of them goes on.
    @Test func whenTheThreadIsGoneJobsRunOneAtATimeElsewhere() async throws {
        let (server, desk, _) = try await run()
        await server.stop()
        await withTaskGroup { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<1000 { await desk.note() } } }
        }
        #expect(await desk.count == 8000)
        #expect(await desk.overlaps == 0)
    }

    /// More jobs than a turn runs wait when the loop ends, and each brings about another one, which goes behind them.
    @Test(.timeLimit(.minutes(1))) func whatALastTurnLeavesRunsElsewhere() async {
        let executor = ServerExecutor(LoopControl(), CallLedger())
        func enqueue(_ count: Int, yields: Bool) -> [Task<Void, Never>] {
            (0..<count).map { _ in Task(executorPreference: executor) { if yields { await Task.yield() } } }
        }
        var tasks = enqueue(256, yields: false) + enqueue(44, yields: true)
        #expect(executor.runJobs(atMost: 256) == 256)
        tasks += enqueue(1, yields: true)
        executor.runLastJobs()
        executor.handOver()
        for task in tasks { await task.value }
    }

    /// The successor runs a job within a task of its own, which goes on as it was.
    @Test func tasksKeepTheirLocalsWhenTheThreadIsGone() async throws {
        let (server, desk, _) = try await run()
        await server.stop()
        for number in 0..<100 {
            await Place.$number.withValue(number) {
                await desk.note()
                #expect(Place.number == number)
                await Task(executorPreference: try! server.executor) { #expect(Place.number == number) }.value
                #expect(Place.number == number)
            }
        }
        #expect(await desk.count == 100)
    }

    private enum Place {
        @TaskLocal static var number = -1
    }

    @Test func aJobFromTerminateRunsInALastTurn() async throws {
        let thread = Outcome<UInt>()
        let hooks = Hall.Hooks(lastWord: { desk in
            guard let desk else { return }
            Task(executorPreference: desk.executorOfTasks) { thread.resolve(currentThreadNumber()) }
        })
        let (server, _, serversThread) = try await run(hooks)
        await server.stop()
        #expect(await thread.resolved() == serversThread)
    }

    /// While connections have not ended, the thread is there.
    @Test func jobsRunWhileAServerThatStopsWaitsForItsConnections() async throws {
        let hooks = Hall.Hooks()
        // More than the sockets take of a client that does not read.
        let greeting = String(repeating: "hello", count: 2 << 20)
        let server = try Server(Hall(hooks: hooks, greeting: greeting), listening: .unshared)
        try await server.start()
        let desk = await hooks.desk.resolved()
        let client = try Client(server.addresses[0], receiveBuffer: 4096)
        #expect(try client.read(5) == "hello")
        server.requestStop()
        try KernelScenario.wait(for: "no message is taken") { (try? server.cast(.note)) == nil }
        await desk.note()
        #expect(server.end.value == nil, "the server waits for its client")
        #expect(try client.readBytesToEnd(chunk: 1 << 20).count == greeting.utf8.count - 5)
        client.endOutput()
        _ = await server.waitForEnd()
        #expect(await desk.threadSet == [try #require(hooks.thread.value)])
    }

    @Test func jobsFromCallbacksAndFromEveryThreadRunOnce() async throws {
        let (server, desk, thread) = try await run()
        for _ in 0..<100 { try server.cast(.note) }
        await withTaskGroup { group in
            for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { await desk.note() } } }
        }
        // Casts before: their tasks may come later.
        try await server.withState(within: nil) { _ in }
        while await desk.count < 80_100 { await Task.yield() }
        #expect(await desk.threadSet == [thread])
        await server.stop()
        #expect(await desk.count == 80_100)
    }

    /// A job that always brings another does not keep clients and messages from their turn, nor the server from its end.
    @Test func endlessJobsLeaveTheOthersTheirTurns() async throws {
        let (server, _, _) = try await run()
        let executor = try server.executor
        let endless = Task(executorPreference: executor) { while !Task.isCancelled { await Task.yield() } }
        for _ in 0..<50 { #expect(try Client(server.addresses[0]).readToEnd() == .end("hello")) }
        #expect(try await server.call(Hall.Call.served, within: nil) == 50)
        await server.stop()
        endless.cancel()
        await endless.value
    }

    /// It awaits, and blocks nothing.
    @Test func anActorOnTheThreadCallsItsServer() async throws {
        let (server, desk, _) = try await run()
        #expect(try await desk.ask(server) == 0)
        await server.stop()
        await #expect(throws: CallError.self) { try await desk.ask(server) }
    }

    /// What a program does that has a thread for its signals.
    @Test func aThreadThatWaitsForSignalsEnqueues() async throws {
        await #expect(processExitsWith: .success) {
            let hooks = Hall.Hooks()
            let server = try Server(Hall(hooks: hooks), listening: .unshared)
            try await server.start()
            let desk = await hooks.desk.resolved()
            let noted = Outcome<Void>()
            let thread = HelperThread {
                var signals = sigset_t()
                sigemptyset(&signals)
                sigaddset(&signals, SIGUSR1)
                pthread_sigmask(SIG_BLOCK, &signals, nil)
                pthread_kill(pthread_self(), SIGUSR1)
                var signal: Int32 = 0
                sigwait(&signals, &signal)
                Task {
                    await desk.note()
                    noted.resolve(())
                }
            }
            thread.join()
            await noted.resolved()
            expect(await desk.threads, is: [await hooks.thread.resolved()], "the threads")
            await server.stop()
        }
    }

    @Test func anEmbeddedServerHasNone() throws {
        let server = try Server(Silent(), listening: .unshared)
        let embedded = try server.embed()
        let error = #expect(throws: ServerError.self) { try server.executor }
        #expect(error?.code == .noExecutor)
        #expect(
            error?.description
                == "executor: an embedded server has no executor, since its host has the thread; run it on a thread: start()"
        )
        server.requestStop()
        var isDone = false
        while !isDone { if case .done = embedded.turn() { isDone = true } }
    }

    @Test func aServerWhoseExecutorIsInUseIsNotEmbedded() async throws {
        let server = try Server(Silent(), listening: .unshared)
        _ = try server.executor
        let error = #expect(throws: ServerError.self) { _ = try server.embed() }
        #expect(error?.code == .noExecutor)
        // It can still run.
        try await server.start()
        await server.stop()
    }

    private struct Silent: NonBlockingServer {
        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            .continue
        }
    }

    @Test func elsewhereNothingIsAssumedIsolated() async {
        await #expect(processExitsWith: .failure) {
            let server = try Server(Hall(hooks: Hall.Hooks()), listening: .unshared)
            let desk = Desk(try server.executor)
            try await server.start()
            desk.noteAtOnce()
        }
    }
}
