import Glibc
import Synchronization
import Testing

@testable import NBServer

/// Signals that a server is told of, and those that stop it; in a process of their own.
@Suite(.serialized) struct RealSignalTests {
    @Test func signalsAreToldAndDoNotStopIt() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            let signals = Record<String>()
            var clerk = Clerk()
            clerk.onBegin = { _, _ in
                kill(getpid(), SIGHUP)
                return .continue
            }
            clerk.onInfo = { _, info, _ in
                signals.append("\(info)")
                kill(getpid(), signals.entries.count < 3 ? SIGHUP : SIGTERM)
                return .continue
            }
            let server = try Server(clerk, listening: [])
            let reason = try await onThread { () -> String in
                do {
                    return "\(try server.run(stoppingOn: [.terminate], reporting: [.hangUp]))"
                } catch {
                    return "\(error)"
                }
            }
            expect(reason, is: "signal SIGTERM", "why it stopped")
            expect(signals.entries, is: [String](repeating: "signal(SIGHUP)", count: 3), "what it was told")
            var action = sigaction()
            sigaction(SIGHUP, nil, &action)
            expect(action.__sigaction_handler.sa_handler == nil, "the handler is still there")
        }
    }

    /// A number that is no signal's is in no set.
    @Test(
        arguments: [(-1, 0), (0, 1), (1, 2), (15, 1 << 15), (63, 1 << 63), (64, 0), (Int32.max, 0)] as [(Int32, UInt64)]
    )
    func aSignalHasABitOfItsOwn(number: Int32, bit: UInt64) {
        #expect(Signal(rawValue: number).bit == bit)
    }

    /// The shards of a group drain together: a signal that comes while they begin to hear of it reaches all of them or none.
    @Test func aSignalReachesAllLoopsOfARelayOrNone() async {
        await #expect(processExitsWith: .success) {
            let signal = Signal(rawValue: SIGUSR1)
            let roles = SignalRoles(reporting: [signal])
            // So that the signal has a handler throughout.
            let other = try SignalRelay(roles, for: [LoopControl()])
            alarm(KernelScenario.patience)
            let rounds = 2_000
            let (round, handled) = (Atomic<Int>.Box(0), Atomic<Int>.Box(0))
            // One signal a round, handled by that thread, earlier or later in what this one does.
            let thread = HelperThread {
                Self.unblock(SIGUSR1)
                for number in 1...rounds {
                    while round.value.load(ordering: .acquiring) < number { sched_yield() }
                    for _ in 0..<(number * 7 % 400) { _ = round.value.load(ordering: .relaxed) }
                    raise(SIGUSR1)
                    handled.value.store(number, ordering: .releasing)
                }
            }
            for number in 1...rounds {
                let controls = (0..<8).map { _ in LoopControl() }
                // Each sixteenth signal comes when they hear of it already.
                var relay = number % 16 == 0 ? try SignalRelay(roles, for: controls) : nil
                let mustArrive = relay != nil
                round.value.store(number, ordering: .releasing)
                if relay == nil { _ = try SignalRelay(roles, for: controls) }
                while handled.value.load(ordering: .acquiring) < number { sched_yield() }
                relay = nil
                let reached = controls.count { $0.takeSignals() == [signal] }
                try #require(reached == 8 || reached == 0 && !mustArrive, "round \(number)")
            }
            thread.join()
            withExtendedLifetime(other) {}
        }
    }

    /// The loops of a group have one place among those that hear of signals, and not one each: there are 1,024.
    @Test func theLoopsOfARelayHaveOnePlace() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            let signal = Signal(rawValue: SIGUSR1)
            let roles = SignalRoles(reporting: [signal])
            let controls = (0..<300).map { _ in (0..<8).map { _ in LoopControl() } }
            for _ in 0..<2 {
                let relays = try controls.map { try SignalRelay(roles, for: $0) }
                HelperThread {
                    Self.unblock(SIGUSR1)
                    raise(SIGUSR1)
                }.join()
                expect(controls.joined().count { $0.takeSignals() == [signal] }, is: 2_400, "loops that heard of it")
                withExtendedLifetime(relays) {}
            }
        }
    }

    /// The calling thread handles the signal. Threads of tasks block it.
    private static func unblock(_ signal: Int32) {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, signal)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }

    /// A thread may have a stack that is too small for a handler, and another one for signals; Go's threads are such.
    @Test func aSignalIsHandledOnTheAlternateStackOfItsThread() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            var clerk = Clerk()
            clerk.onBegin = { _, _ in
                let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 << 10, alignment: 16)
                memory.initializeMemory(as: UInt8.self, repeating: 0xa5)
                var (stack, before) = (stack_t(), stack_t())
                (stack.ss_sp, stack.ss_size) = (memory.baseAddress, memory.count)
                sigaltstack(&stack, &before)
                // The thread that made this one may have blocked it.
                var mask = sigset_t()
                sigemptyset(&mask)
                sigaddset(&mask, SIGTERM)
                pthread_sigmask(SIG_UNBLOCK, &mask, nil)
                // Handled when this returns.
                pthread_kill(pthread_self(), SIGTERM)
                sigaltstack(&before, nil)
                expect(memory.contains { $0 != 0xa5 }, "the handler ran on the thread's usual stack")
                // Its lowest part is untouched: the handler needs no more than it has.
                expect(memory.prefix(1 << 10).allSatisfy { $0 == 0xa5 }, "the handler needs more than 31 KiB of stack")
                memory.deallocate()
                return .continue
            }
            let server = try Server(clerk, listening: [])
            let reason = try await onThread { () -> String in
                do {
                    return "\(try server.run(stoppingOn: [.terminate]))"
                } catch {
                    return "\(error)"
                }
            }
            expect(reason, is: "signal SIGTERM", "why it stopped")
        }
    }

    /// The first signal has it wait for a client that never reads; another one does not.
    @Test func aSecondSignalEndsItsPatience() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            let ends = Record<String>()
            var clerk = Clerk()
            clerk.onConnection = { _, connection, _ in
                connection.send([UInt8](repeating: 1, count: 32 << 20))
                kill(getpid(), SIGINT)
                return .continue
            }
            clerk.onEnd = { _, reason, _ in
                ends.append("\(reason)")
                kill(getpid(), SIGINT)
            }
            let options = ServerOptions(closeTimeLimit: .seconds(3600), stopTimeLimit: .seconds(3600))
            let server = try Server(clerk, listening: "127.0.0.1:0", options: options)
            let client = try Client(server.addresses[0])
            let reason = try await onThread { () -> String in
                do {
                    return "\(try server.run(stoppingOn: [.interrupt]))"
                } catch {
                    return "\(error)"
                }
            }
            expect(reason, is: "signal SIGINT", "why it stopped")
            expect(ends.entries, is: ["signal SIGINT"], "what terminate was told")
            expect(try client.readToEnd(), is: .reset, "its client")
        }
    }

    /// The server runs on a thread of its own. A stopping signal, or a second draining one, does not wait any longer.
    @Test(arguments: [1, 2])
    func aDrainingSignalDrains(signals: Int) async {
        await #expect(processExitsWith: .success) { [signals] in
            alarm(KernelScenario.patience)
            let kept = Record<ConnectionID>()
            var clerk = Clerk()
            clerk.onConnection = { _, connection, context in
                kept.append(context.keep(connection))
                kill(getpid(), SIGTERM)
                return .continue
            }
            clerk.onInfo = { _, info, context in
                guard case .draining(let limit) = info else { return .continue }
                expect(limit > .zero && limit <= .seconds(3000), "it may take \(limit)")
                guard signals == 1 else {
                    kill(getpid(), SIGTERM)
                    return .continue
                }
                try context.take(kept.entries[0]).send("the last word")
                return .continue
            }
            let server = try Server(clerk, listening: "127.0.0.1:0")
            try await server.start(drainingOn: [.terminate], within: .seconds(3000), stoppingOn: [.interrupt])
            let client = try Client(server.addresses[0])
            let reason = await server.waitForEnd()
            expect("\(reason)", is: signals == 1 ? "drained" : "signal SIGTERM", "why it stopped")
            expect(try client.readToEnd(), is: .end(signals == 1 ? "the last word" : ""), "its client")
            var action = sigaction()
            sigaction(SIGTERM, nil, &action)
            expect(action.__sigaction_handler.sa_handler == nil, "the handler is still there")
        }
    }

    /// One that is to be told is told, and one that stops does not wait for a drain.
    @Test func aSignalHasOneMeaning() async {
        await #expect(processExitsWith: .success) {
            alarm(KernelScenario.patience)
            let told = Record<String>()
            var clerk = Clerk()
            clerk.onConnection = { _, connection, context in
                _ = context.keep(connection)
                kill(getpid(), SIGHUP)
                return .continue
            }
            clerk.onInfo = { _, info, _ in
                told.append("\(info)")
                kill(getpid(), SIGINT)
                return .continue
            }
            let server = try Server(clerk, listening: "127.0.0.1:0")
            let signals: [Signal] = [.hangUp, .terminate]
            try await server.start(drainingOn: signals, stoppingOn: [.interrupt, .hangUp], reporting: [.hangUp])
            let client = try Client(server.addresses[0])
            expect("\(await server.waitForEnd())", is: "signal SIGINT", "why it stopped")
            expect(told.entries, is: ["signal(SIGHUP)"], "what it was told")
            withExtendedLifetime(client) {}
        }
    }
}
