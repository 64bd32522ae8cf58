import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A process without descriptors, on a real kernel, which notes the limit when an accept is armed. All engines at once: they
/// wait for parked listeners.
@Suite struct DescriptorLimitTests {
    @Test(arguments: EngineChoice.granted)
    func withoutDescriptorsNothingIsAcceptedAndNobodyIsLost(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let loop = Lock<ThreadStatus?>(nil)
                let server = try RunningServer(
                    engine: engine,
                    runsAtOnce: false,
                    onBegin: {
                        // The ring is made, nothing is armed.
                        loop.withLock { $0 = ThreadStatus() }
                        DescriptorLimit.lower()
                    },
                    onConnection: { connection, _ in connection.send("hello") }
                )
                let crowd = try Crowd(20, at: server.address)
                let listener = try ListeningDescriptor(of: server.address)
                try server.run()
                try KernelScenario.wait(for: "parking") { !server.reports.isEmpty }
                let sleeps = loop.withLock { $0?.sleeps ?? 0 }
                try KernelScenario.wait(for: "another try") { loop.withLock { $0?.sleeps ?? 0 } >= sleeps + 2 }
                expect(server.deliveries, is: 0, "deliveries without descriptors")
                expect(listener.queueLength, is: 20, "clients in the queue")
                let allSleeps = loop.withLock { $0?.sleeps ?? 0 }
                DescriptorLimit.raise()
                expect(try crowd.endings(), is: [.end("hello"): 20], "the crowd")
                let end = try server.stop()
                expect(server.reports, is: [.parked(errno: EMFILE), .recovered], "reports")
                expect(end.counters.delivered, is: 20, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
                // Whoever sleeps after each try does not spin.
                expect(
                    (2...UInt64(allSleeps) + 1).contains(end.counters.acceptFailures),
                    "\(end.counters.acceptFailures) failures in \(allSleeps) sleeps"
                )
                loop.withLock { $0 = nil }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aLimitThatIsLoweredReachesTheNextArmOnly(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningServer(engine: engine) { connection, context in
                    connection.send("\(context.counters.delivered)")
                    if context.counters.delivered == 1 { _ = context.startTimer(after: .milliseconds(1)) }
                }
                expect(try Client(server.address).readToEnd(), is: .end("1"), "the first")
                // The end may come before the next accept is armed; the timer is told a turn later, thus after that.
                try KernelScenario.wait(for: "the timer") { server.reports == [.other] }
                let clients = (0..<20).map { _ in Client(family: AF_INET) }
                let listener = try ListeningDescriptor(of: server.address)
                DescriptorLimit.lower()
                for client in clients { try client.connect(to: server.address) }
                // A multishot accept goes on; a one-shot accept takes the one it was armed for; epoll has nothing that was armed.
                let served = [.ring(.linux5_11): 1, .epoll: 0][engine] ?? 20
                for client in clients[..<served] {
                    expect(try client.read(1).isEmpty, is: false, "a greeting is empty")
                }
                if served < 20 {
                    try KernelScenario.wait(for: "parking") { server.reports.contains(.parked(errno: EMFILE)) }
                }
                expect(listener.queueLength, is: 20 - served, "clients in the queue")
                DescriptorLimit.raise()
                for client in clients[served...] {
                    expect(try client.read(1).isEmpty, is: false, "a greeting is empty")
                }
                let end = try server.stop()
                expect(end.counters.delivered, is: 21, "delivered")
                expect(
                    server.reports,
                    is: served < 20 ? [.other, .parked(errno: EMFILE), .recovered] : [.other],
                    "reports"
                )
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aConnectionOfAFullServerIsServed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let kept = Lock<[ConnectionID]>([])
                let server = try RunningServer(
                    engine: engine,
                    acceptMode: .oneShot,
                    onInfo: { info, context in
                        guard case .listenerParked = info else { return }
                        for id in kept.withLock({ $0 }) {
                            try? context.withConnection(id) { $0.send("still here") }
                        }
                    },
                    onConnection: { connection, context in
                        connection.send("hello")
                        let id = context.keep(connection)
                        kept.withLock { $0.append(id) }
                        // Lowered before the next accept is armed.
                        if context.counters.delivered == 3 { DescriptorLimit.lower() }
                    }
                )
                let clients = (0..<4).map { _ in Client(family: AF_INET) }
                for client in clients { try client.connect(to: server.address) }
                for client in clients[..<3] { expect(try client.read(15), is: "hellostill here", "a kept one") }
                expect(server.deliveries, is: 3, "deliveries within the limit")
                DescriptorLimit.raise()
                expect(try clients[3].read(5), is: "hello", "the one who waited")
                let end = try server.stop()
                for client in clients { expect(try client.readToEnd(), is: .end(""), "a kept one's end") }
                expect(end.counters.delivered, is: 4, "delivered")
                expect(server.reports, is: [.parked(errno: EMFILE), .recovered], "reports")
            }
        }
    }
}
