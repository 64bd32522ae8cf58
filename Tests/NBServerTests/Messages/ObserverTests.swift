import Glibc
import NBEngine
import Testing

@testable import NBServer

/// Who watches a server hears what happens, in its order and in batches.
@Suite struct ObserverTests {
    /// Writes down what it is told.
    private final class Watcher: ServerObserver {
        let events = Record<String>()
        let batches = Record<(count: Int, counters: ServerCounters)>()
        private let terminated: @Sendable (StopReason) -> Void
        private let began: @Sendable () -> Void

        init(
            began: @escaping @Sendable () -> Void = {},
            terminated: @escaping @Sendable (StopReason) -> Void = { _ in }
        ) {
            self.began = began
            self.terminated = terminated
        }

        func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
            batches.append((events.count, counters))
            for event in events {
                switch event {
                case .began(let addresses, let engine):
                    self.events.append("began \(addresses.count)")
                    if engine.kind == .epoll { self.events.append("on epoll") }
                    began()
                case .listenerAdded: self.events.append("added")
                case .listenerPaused: self.events.append("paused")
                case .listenerResumed: self.events.append("resumed")
                case .info(let info): self.events.append("info \("\(info)".prefix { $0 != "(" })")
                case .messageUndelivered: self.events.append("undelivered")
                case .suspended: self.events.append("suspended")
                case .resumed: self.events.append("resumed")
                case .terminated(let reason):
                    self.events.append("terminated: \(reason)")
                    terminated(reason)
                }
            }
        }
    }

    /// Though nothing else happens for as long as one likes.
    @Test func theBeginningIsToldAtOnce() async throws {
        let began = Outcome<Void>()
        let watcher = Watcher(began: { began.resolve(()) })
        let options = ServerOptions(engine: .epoll)
        try await Clerk().serve(listening: ["127.0.0.1:0"], options: options, observer: watcher) { _ in
            await began.resolved()
        }
        #expect(watcher.events.entries == ["began 1", "on epoll", "terminated: stop requested"])
    }

    @Test func eventsComeInTheirOrder() async throws {
        let watcher = Watcher()
        var clerk = Clerk()
        clerk.onInfo = { clerk, _, _ in
            for caller in clerk.callers { caller.reply(1) }
            clerk.callers = []
            return .continue
        }
        try await clerk.serve(observer: watcher) { server in
            let address = try await server.addListener(on: "127.0.0.1:0").address
            try await server.pauseListener(on: address)
            try await server.resumeListener(on: address)
            try await server.suspendMessages()
            try await server.suspendMessages()
            try await server.resumeMessages()
            try await server.removeListener(on: address)
            _ = try await server.call {
                .perform(
                    { clerk, caller, context in
                        _ = context.startTimer(after: .zero)
                        return clerk.keep(caller)
                    },
                    $0
                )
            }
            try server.cast(.perform { _, _ in .stop("seen") })
            _ = await server.waitForEnd()
        }
        #expect(
            watcher.events.entries == [
                "began 0", "added", "paused", "resumed", "suspended", "resumed", "info listenerRemoved", "info timer",
                "terminated: stopped by the behavior: seen",
            ]
        )
    }

    @Test func countersComeInBatchesAndNothingIsToldTwice() throws {
        let scripted = try ScriptedClerk()
        let watcher = Watcher()
        scripted.observer = watcher
        let listener = scripted.socket.descriptor
        let idle: FakeKernel.Step = { _ in }
        try scripted.run(
            Clerk(),
            script: [
                { kernel in for number in 0..<100 { try kernel.accept(100_000 + Int32(number), on: listener) } },
                idle, idle, idle, idle,
            ]
        )
        let batches = watcher.batches.entries
        // The beginning, a hundred connections, which end in their turn, the end.
        #expect(batches.map(\.count) == [1, 0, 1])
        #expect(batches.map(\.counters.delivered) == [0, 100, 100])
        #expect(batches.map(\.counters.open) == [0, 0, 0])
    }

    /// Writes down every load it is told, and what happens as the other does.
    private final class LoadWatcher: LoadObserver {
        let loads = Record<ServerLoad>()
        let open = Record<UInt64>()
        let events = Record<String>()

        func observe(_ events: [ServerEvent], _ counters: ServerCounters, _ load: ServerLoad) {
            loads.append(load)
            open.append(counters.open)
            for case .terminated(let reason) in events { self.events.append("terminated: \(reason)") }
        }
    }

    /// Connections that were freed by what a turn prepared are not open any more when that turn is told.
    @Test func aLoadIsToldAtTheEndOfEveryTurn() throws {
        let scripted = try ScriptedClerk()
        let watcher = LoadWatcher()
        scripted.observer = watcher
        let listener = scripted.socket.descriptor
        var clerk = Clerk()
        clerk.onConnection = { clerk, connection, context in
            if clerk.kept.count < 3 { clerk.kept.append(context.keep(connection)) }
            return .continue
        }
        try scripted.run(
            clerk,
            script: [
                { kernel in for number in 0..<5 { try kernel.accept(100_000 + Int32(number), on: listener) } },
                { _ in #expect(watcher.open.entries.last == 3) },
                { kernel in try kernel.failAccept(EMFILE, on: listener) },
                { _ in #expect(watcher.loads.entries.last?.parkedListeners == 1) },
            ]
        )
        let loads = watcher.loads.entries
        #expect(watcher.open.entries.max() == 3)
        #expect(watcher.open.entries.last == 0)
        #expect(loads.last?.listeners == 0)
        // Each turn once, and that of the termination twice.
        #expect(Set(loads.map(\.turns)) == Set(1...UInt64(loads.count - 1)))
        #expect(watcher.events.entries == ["terminated: stop requested"])
    }

    @Test func aGroupTellsEachObserverWhatItWouldBeToldAlone() throws {
        let scripted = try ScriptedClerk()
        let (first, second) = (Watcher(), Watcher())
        let load = LoadWatcher()
        scripted.observer = ObserverGroup(first, ObserverGroup([load, second]))
        let listener = scripted.socket.descriptor
        let idle: FakeKernel.Step = { _ in }
        try scripted.run(
            Clerk(),
            script: [
                { kernel in for number in 0..<100 { try kernel.accept(100_000 + Int32(number), on: listener) } },
                idle, idle, idle, idle,
            ]
        )
        for watcher in [first, second] {
            #expect(watcher.batches.entries.map(\.count) == [1, 0, 1])
            #expect(watcher.batches.entries.map(\.counters.delivered) == [0, 100, 100])
            #expect(watcher.events.entries == ["began 1", "terminated: stop requested"])
        }
        #expect(load.events.entries == ["terminated: stop requested"])
        #expect(load.loads.entries.count > 3)
    }

    @Test func aTurnClockAddsUpTurns() {
        var clock = TurnClock()
        #expect(clock.takeLongest() == .zero)
        clock.noteEnd(at: Instant(nanoseconds: 5))
        for (begin, end) in [(10, 15), (20, 22)] as [(UInt64, UInt64)] {
            clock.noteBegin(at: Instant(nanoseconds: begin))
            clock.noteEnd(at: Instant(nanoseconds: end))
        }
        #expect(clock.turns == 2)
        #expect(clock.total == .nanoseconds(7))
        #expect(clock.takeLongest() == .nanoseconds(5))
        #expect(clock.takeLongest() == .zero)
    }
}
