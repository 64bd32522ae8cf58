import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// A loop that was held up, and clients that did all they should meanwhile; on the real kernel, which has to be asked.
@Suite(.serialized) struct LateLoopTests {
    private static let limit = Duration.seconds(1)

    /// A callback blocks until its clients have spoken, in time, and until their limits have passed by the clock.
    @Test(arguments: EngineChoice.granted)
    func whoSpokeWhileACallbackBlockedIsHeard(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for options in [
                    WorkerOptions(receiving: .manual, receiveTimeLimit: Self.limit),
                    WorkerOptions(receiving: .manual, idleTimeLimit: Self.limit),
                ] {
                    try Self.hold(up: engine, options)
                }
            }
        }
    }

    private static func hold(up engine: EngineChoice, _ options: WorkerOptions) throws {
        let (isHeldUp, haveSpoken) = (Atomic<Bool>.Box(false), Atomic<Bool>.Box(false))
        var conduct = WorkerConduct.echo
        conduct.timeout = { limit, connection in connection.reset() }
        conduct.onlyTheFirstHasTimeLimits = false
        let server = try RunningWorkers(engine: engine, options, conduct: conduct)
        let clients = try (0...100).map { _ in try Client(server.address) }
        let ids = try (0...100).map { try server.journal.id($0) }
        let block = ClosureWorker.Message(name: "block") { connection in
            isHeldUp.value.store(true, ordering: .releasing)
            let end = Instant.now + limit * 2
            while !haveSpoken.value.load(ordering: .acquiring) || Instant.now < end { usleep(1000) }
            connection.close()
        }
        // All of them ask to receive in one turn, and in the next one the first blocks.
        try server.tell(0, "ask") { connection in
            for id in ids.dropFirst() {
                try id.send(ClosureWorker.Message(name: "ask") { $0.receive() })
            }
            try ids[0].send(ClosureWorker.Message(name: "go on") { _ in try ids[0].send(block) })
        }
        try KernelScenario.wait(for: "a callback that blocks") { isHeldUp.value.load(ordering: .acquiring) }
        for client in clients.dropFirst() { try client.say("hello") }
        haveSpoken.value.store(true, ordering: .releasing)
        for client in clients.dropFirst() { expect(try client.read(5), is: "hello", "what comes back") }
        server.stop()
    }

    /// It takes everything the kernel has, and then waits for the loop, for longer than the limit.
    @Test(arguments: EngineChoice.granted)
    func aReaderWhoseServerWasHeldUpGetsTheWholeAnswer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let size = 32 << 20
                let deliveries = Atomic<Int>.Box(0)
                let server = try RunningServer(engine: engine, closeTimeLimit: Self.limit) { connection, _ in
                    guard deliveries.value.add(1, ordering: .relaxed).newValue == 1 else {
                        // As SIGSTOP would hold it up.
                        let end = Instant.now + Self.limit * 2
                        while Instant.now < end { usleep(1000) }
                        return
                    }
                    connection.send([UInt8](repeating: 1, count: size))
                }
                let client = try Client(server.address)
                server.waitForDeliveries(1)
                let second = try Client(server.address)
                expect(try client.readBytesToEnd(chunk: 1 << 20).count, is: size, "bytes")
                expect(try server.stop().counters.expired, is: 0, "connections that were cut off")
                withExtendedLifetime(second) {}
            }
        }
    }

    /// In all it takes far longer than the limit, and never stops reading.
    @Test(arguments: EngineChoice.granted)
    func aSlowReaderGetsTheWholeAnswer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let size = 16 << 20
                let server = try RunningServer(engine: engine, closeTimeLimit: Self.limit) { connection, _ in
                    connection.send([UInt8](repeating: 1, count: size))
                }
                let client = try Client(server.address)
                let start = Instant.now
                var count = 0
                while count < size {
                    count += try client.read(64 << 10).utf8.count
                    // The rate of a slow link: everything takes four times the limit.
                    let due = start + Self.limit * 4 * count / size
                    while Instant.now < due { usleep(1000) }
                }
                expect(try client.readToEnd(), is: .end(""), "its end")
                expect(try server.stop().counters.expired, is: 0, "connections that were cut off")
            }
        }
    }
}
