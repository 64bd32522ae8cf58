import Glibc
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
                    return "\(try server.run(stoppingOn: [.terminate], telling: [.hangUp]))"
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
}
