import Glibc
import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Two servers in one process: on different engines, and on the same port.
@Suite(.serialized) struct SeveralServersTests {
    @Test(arguments: EngineChoice.granted)
    func twoServersOnDifferentLevelsDoNotKnowOfEachOther(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for otherEngine in EngineChoice.granted where otherEngine != engine {
                    let one = try RunningServer(engine: engine) { connection, _ in connection.send("one") }
                    let other = try RunningServer(engine: otherEngine) { connection, _ in connection.send("other") }
                    let crowd = try Crowd(50, at: one.address, other.address)
                    expect(try crowd.endings(), is: [.end("one"): 50, .end("other"): 50], "the crowd")
                    expect(try one.stop().counters.delivered, is: 50, "delivered by one")
                    #expect(throws: Client.Refused.self) { try Client(one.address) }
                    let late = try Crowd(20, at: other.address)
                    expect(try late.endings(), is: [.end("other"): 20], "late clients")
                    expect(try other.stop().counters.delivered, is: 70, "delivered by the other")
                }
            }
        }
    }

    /// Unless the kernel moves queues: then no client is lost.
    @Test(arguments: EngineChoice.granted)
    func ofServersThatShareAPortTheOneThatEndsTakesItsQueueAlong(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                try Self.endOneOfTwo(on: engine)
                guard MovingNetwork.enter() else { return }
                expect(MovingNetwork.isMoving, "the kernel moves no queues")
                try Self.endOneOfTwo(on: engine)
            }
        }
    }

    private static func endOneOfTwo(on engine: EngineChoice) throws {
        let sharing: [SocketOption] = [.reusePort(true)]
        let ending = try RunningServer(engine: engine, socketOptions: sharing, runsAtOnce: false) { connection, _ in
            connection.send("ending")
        }
        let queueOfEnding = try ListeningDescriptor(of: ending.address)
        let surviving = try RunningServer(
            engine: engine,
            listening: Endpoint(ending.address.description),
            socketOptions: sharing,
            runsAtOnce: false
        ) { connection, _ in connection.send("surviving") }
        let crowd = try Crowd(200, at: ending.address)
        // Each has a share, which the kernel chooses.
        let share = queueOfEnding.queueLength
        expect((1..<200).contains(share), "a share of \(share)")
        let lost = MovingNetwork.isMoving ? 0 : share
        try ending.stop()
        try surviving.run()
        var endings: [Client.Ending: Int] = [.end("surviving"): 200 - lost]
        if lost > 0 { endings[.reset] = lost }
        expect(try crowd.endings(), is: endings, "the crowd")
        expect(try Crowd(20, at: ending.address).endings(), is: [.end("surviving"): 20], "late clients")
        let end = try surviving.stop()
        expect(end.counters.delivered, is: UInt64(220 - lost), "delivered")
        expect(end.counters.discarded, is: 0, "discarded")
    }
}
