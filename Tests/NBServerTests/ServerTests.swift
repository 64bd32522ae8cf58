import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer
@testable import NBUring

/// A server's life: made, started, stopped from everywhere, and what is left of it.
@Suite(.serialized) struct ServerTests {
    private struct Silent: NonBlockingServer {
        var onBegin: @Sendable (borrowing ServerContext) throws -> Void = { _ in }
        var onConnection: @Sendable () -> Verdict = { .continue }
        var onEnd: @Sendable (StopReason) -> Void = { _ in }

        func begin(_ context: borrowing ServerContext) throws -> Verdict {
            try onBegin(context)
            return .continue
        }

        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            onConnection()
        }

        consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) { onEnd(reason) }
    }

    private struct Trouble: Error {}

    private func isFree(_ address: SocketAddress) -> Bool {
        (try? ListenSocket(Endpoint(address.description), options: [])) != nil
    }

    @Test func portZeroIsReportedAsThePortItBecame() throws {
        let server = try Server(Silent(), listening: ["127.0.0.1:0", "127.0.0.1:0", "[::1]:0"])
        #expect(server.addresses.map(\.ip?.description) == ["127.0.0.1", "127.0.0.1", "::1"])
        #expect(Set(server.addresses.map(\.port)).count == 3)
        #expect(!server.addresses.map(\.port).contains(0))
    }

    @Test func anAddressInUseIsAnErrorAndLeavesNothingBound() throws {
        let taken = try ListenSocket(.unshared, options: [])
        let other = try ListenSocket(.unshared, options: []).address
        let error = #expect(throws: ServerError.self) {
            try Server(Silent(), listening: [Endpoint(other.description), Endpoint(taken.address.description)])
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.address == taken.address.description)
        #expect(isFree(other))
    }

    @Test func anAddressOfNobodyHereIsAnError() {
        let error = #expect(throws: ServerError.self) { try Server(Silent(), listening: "192.0.2.1:0") }
        #expect(error?.code == .addressUnavailable)
    }

    @Test func tooManyListenersAreAnError() {
        let error = #expect(throws: ServerError.self) {
            try Server(
                Silent(),
                listening: [.unshared, .unshared],
                options: ServerOptions(listenerLimit: 1)
            )
        }
        #expect(error?.code == .tooManyListeners)
    }

    @Test func aServerStoppedBeforeItRanNeverRunsAndIsNotTerminated() throws {
        let calls = Atomic<Int>(0)
        let count: @Sendable () -> Void = { calls.add(1, ordering: .relaxed) }
        let server = try Server(
            Silent(onBegin: { _ in count() }, onEnd: { _ in count() }),
            listening: .unshared
        )
        server.stopBlocking()
        #expect(isFree(server.addresses[0]))
        guard case .requested = try server.run() else {
            Issue.record("ran")
            return
        }
        try server.startBlocking()
        server.stopBlocking()
        #expect(calls.load(ordering: .relaxed) == 0)
    }

    @Test func aServerRunsOnce() throws {
        let server = try Server(Silent(), listening: .unshared)
        try server.startBlocking()
        #expect(throws: ServerError.self) { try server.run() }
        server.stopBlocking()
        let error = #expect(throws: ServerError.self) { try server.startBlocking() }
        #expect(error?.code == .alreadyRan)
    }

    @Test func stopReturnsWhenThePortIsFreeAndTerminateHasRun() throws {
        let ends = Atomic<Int>(0)
        let server = try Server(Silent(onEnd: { _ in ends.add(1, ordering: .relaxed) }), listening: .unshared)
        try server.startBlocking()
        _ = try Client(server.addresses[0])
        server.stopBlocking()
        #expect(ends.load(ordering: .relaxed) == 1)
        #expect(throws: Client.Refused.self) { try Client(server.addresses[0]) }
        server.stopBlocking()
        #expect(ends.load(ordering: .relaxed) == 1)
    }

    /// A child has copies of all descriptors between its fork and its exec.
    @Test func aCopyInAChildThatIsBeingMadeDoesNotGoOnListening() throws {
        let socket = try ListenSocket(.unshared, options: [])
        let copy = dup(socket.descriptor)
        defer { close(copy) }
        _ = try Client(socket.address)
        socket.close()
        #expect(throws: Client.Refused.self) { try Client(socket.address) }
        #expect(isFree(socket.address))
    }

    @Test func stopFromManyThreadsAtOnceIsOneStop() async throws {
        let ends = Atomic<Int>(0)
        let server = try Server(Silent(onEnd: { _ in ends.add(1, ordering: .relaxed) }), listening: .unshared)
        try await server.start()
        await withTaskGroup { group in
            for _ in 0..<8 { group.addTask { await server.stop() } }
        }
        #expect(ends.load(ordering: .relaxed) == 1)
    }

    @Test func stopFromACallbackReturnsAtOnceAndTakesEffect() throws {
        final class Box: Sendable {
            let server = Lock<Server<Silent>?>(nil)
        }
        let box = Box()
        let server = try Server(
            Silent(onConnection: {
                box.server.withLock { $0 }?.stopBlocking()
                return .continue
            }),
            listening: .unshared
        )
        box.server.withLock { $0 = server }
        try server.startBlocking()
        let client = try Client(server.addresses[0])
        #expect(try client.readToEnd() == .end(""))
        server.stopBlocking()
        #expect(throws: Client.Refused.self) { try Client(server.addresses[0]) }
        box.server.withLock { $0 = nil }
    }

    @Test func startHearsThatTheBehaviorDeclined() throws {
        let server = try Server(Silent(onBegin: { _ in throw Trouble() }), listening: .unshared)
        let error = #expect(throws: ServerError.self) { try server.startBlocking() }
        #expect(error?.code == .beginFailed)
        #expect(isFree(server.addresses[0]))
        server.stopBlocking()
    }

    @Test func aVerdictEndsRunWithItsReason() throws {
        let server = try Server(Silent(onConnection: { .stop("sold out") }), listening: .unshared)
        let address = server.addresses[0]
        let client = try Client(address)
        guard case .verdict("sold out") = try server.run() else {
            Issue.record("another reason")
            return
        }
        #expect(try client.readToEnd() == .end(""))
    }

    @Test func theContextKnowsAddressesAndEngine() throws {
        let seen = Lock<([SocketAddress], String)>(([], ""))
        let server = try Server(
            Silent(onBegin: { context in
                let (addresses, engine) = (context.addresses, context.engine.description)
                seen.withLock { $0 = (addresses, engine) }
            }),
            listening: .unshared
        )
        try server.startBlocking()
        server.stopBlocking()
        #expect(seen.withLock { $0.0 } == server.addresses)
        #expect(seen.withLock { $0.1 }.contains("multishot accept"))
    }

    /// As `ps -L` and debuggers show them.
    @Test func theThreadsThatTheLibraryStartsHaveNames() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            let before = ThreadNames.own
            let seen = Lock<[String]>([])
            let server = try Server(
                Silent(onBegin: { _ in seen.withLock { $0.append(ThreadNames.own) } }),
                listening: .unshared
            )
            try await server.start()
            expect(ThreadNames.own, is: before, "the caller's thread")
            expect(seen.withLock { $0 }, is: ["nb-server"], "the server's thread")
            expect(ThreadNames.ofProcess.contains("nb-server"), "\(ThreadNames.ofProcess)")
            // The clock's thread lives as long as there are limits.
            let call = TypedCall<Int>(CallLedger())
            let number = CallClock.shared.start(call.pending, .seconds(3600))
            try KernelScenario.wait(for: "the clock's thread") { ThreadNames.ofProcess.contains("nb-call-clock") }
            CallClock.shared.cancel(number)
            await server.stop()
            exit(EXIT_SUCCESS)
        }
    }

    /// A table that grows later would stop the loop, where threads share it.
    @Test func theFirstServerMakesTheTableOfDescriptorsItsFullSize() async {
        await #expect(processExitsWith: .success) {
            func tableSize() throws -> Int {
                let status = try SystemText.read("/proc/self/status").known(as: "status")
                let line = status.split(separator: "\n").first { $0.hasPrefix("FDSize:") }
                return line.flatMap { Int($0.dropFirst("FDSize:".count).drop(while: \.isWhitespace)) } ?? 0
            }
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = min(limit.rlim_max, 65_536)
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let fullSize = Int(limit.rlim_cur)
            // A process has a table that is large enough for what was open where it was made.
            expect(try tableSize() < fullSize, "the table is smaller at first")
            let server = try Server(Silent(), listening: .unshared)
            expect(try tableSize() >= fullSize, "the table has its full size")
            withExtendedLifetime(server) {}
        }
    }

    @Test func signalsStopTheServerAndLeaveNothingBehind() async throws {
        // In a process of its own, since signals are everybody's.
        await #expect(processExitsWith: .success) {
            signal(SIGTERM, SIG_IGN)
            var before = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &before)
            func run(_ server: Server<Silent>) throws -> StopReason {
                try server.run(stoppingOn: [.interrupt, .terminate, .interrupt])
            }
            for expected in [Signal.interrupt, .terminate, .terminate] {
                let server = try Server(
                    Silent(onBegin: { _ in kill(getpid(), expected.rawValue) }),
                    listening: .unshared
                )
                let reason = try run(server)
                guard case .signal(expected) = reason else { exit(2) }
            }
            var after = sigset_t()
            pthread_sigmask(SIG_BLOCK, nil, &after)
            let isMaskSame = withUnsafeBytes(of: before) { before in
                withUnsafeBytes(of: after) { before.elementsEqual($0) }
            }
            guard isMaskSame else { exit(3) }
            // What was to happen before happens again: SIGTERM is ignored.
            kill(getpid(), SIGTERM)
            exit(EXIT_SUCCESS)
        }
    }

    @Test func asManyServersRunAtOnceAsOneLikes() throws {
        let servers = try (0..<20).map { _ in try Server(Silent(), listening: .unshared) }
        for server in servers { try server.startBlocking() }
        for server in servers { server.stopBlocking() }
    }

    @Test func aSignalThatCannotBeHandledIsAnError() throws {
        let server = try Server(Silent(), listening: .unshared)
        let error = #expect(throws: ServerError.self) {
            try server.run(stoppingOn: [.terminate, Signal(rawValue: SIGKILL)])
        }
        #expect(error?.code == .signals)
        #expect(isFree(server.addresses[0]))
    }

    @Test func aStoppedServerLeavesNoDescriptor() async throws {
        await #expect(processExitsWith: .success) {
            // The test library opens descriptors of its own in the background, but none of these kinds after its start.
            func open(_ kind: String) -> Int {
                (0..<1000).count { (link($0) ?? "").hasPrefix(kind) }
            }
            func link(_ descriptor: Int) -> String? {
                withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
                    buffer.initialize(repeating: 0)
                    let length = readlink("/proc/self/fd/\(descriptor)", buffer.baseAddress!, 255)
                    return length > 0 ? String(cString: buffer.baseAddress!) : nil
                }
            }
            func serve(_ engine: EngineChoice) throws {
                let (sockets, rings) = (open("socket:"), open("anon_inode:[io_uring]"))
                let server = try RunningServer(engine: engine) { connection, context in
                    connection.send("hello")
                    _ = context.keep(connection)
                }
                let clients = try (0..<20).map { _ in try Client(server.address) }
                for client in clients { guard try client.read(5) == "hello" else { exit(2) } }
                try server.stop()
                guard open("socket:") == sockets + clients.count else { exit(3) }
                guard open("anon_inode:[io_uring]") == rings else { exit(4) }
                withExtendedLifetime(clients) {}
            }
            try serve(.ring(.linux6_1))
            let wakeUps = open("anon_inode:[eventfd]")
            for engine in EngineChoice.granted { try serve(engine) }
            guard open("anon_inode:[eventfd]") == wakeUps else { exit(5) }
            exit(EXIT_SUCCESS)
        }
    }
}
