import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// A behavior that takes its time: how far a real kernel runs ahead of it, and where the others wait.
@Suite(.serialized) struct BackpressureTests {
    @Test(arguments: EngineChoice.granted)
    func aSlowBehaviorLeavesAllButAQueueFullInTheBacklog(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let gate = Gate()
                let server = try RunningServer(engine: engine, completionDepth: 8, runsAtOnce: false) {
                    connection,
                    context in
                    if context.counters.delivered == 1 { gate.wait() }
                    connection.send("hello")
                }
                let first = try Crowd(100, at: server.address)
                let listener = try ListeningDescriptor(of: server.address)
                try server.run()
                // What the ring's queue holds and one more, or the one; what epoll's queue holds.
                let ahead = [.ring(.linux5_11): 1, .epoll: 8][engine] ?? 9
                try KernelScenario.wait(for: "the first accepts") { listener.queueLength <= 100 - ahead }
                let second = try Crowd(20, at: server.address)
                expect(listener.queueLength, is: 120 - ahead, "clients in the backlog")
                expect(server.deliveries, is: 0, "callbacks that have returned")
                gate.open()
                expect(try first.endings(), is: [.end("hello"): 100], "the first crowd")
                expect(try second.endings(), is: [.end("hello"): 20], "the second crowd")
                expect(try server.stop().counters.delivered, is: 120, "delivered")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func oneAtATimeMeansNoneIsAcceptedDuringACallback(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let listener = Lock<ListeningDescriptor?>(nil)
                let lengths = Lock<[Int]>([])
                let server = try RunningServer(engine: engine, acceptMode: .oneShot, runsAtOnce: false) {
                    connection,
                    _ in
                    let length = listener.withLock { $0?.queueLength ?? -1 }
                    lengths.withLock { $0.append(length) }
                    connection.send("hello")
                }
                let number = try ListeningDescriptor(of: server.address).number
                listener.withLock { $0 = ListeningDescriptor(number) }
                let crowd = try Crowd(100, at: server.address)
                try server.run()
                expect(try crowd.endings(), is: [.end("hello"): 100], "the crowd")
                let end = try server.stop()
                expect(lengths.withLock { $0 }, is: (0..<100).reversed(), "clients in the backlog, each time")
                expect(end.counters.delivered, is: 100, "delivered")
                expect(end.counters.armed, is: 101, "arms")
            }
        }
    }
}
