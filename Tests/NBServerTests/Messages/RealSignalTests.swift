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
}
