import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// Time limits, and the marks of what is queued.
@Suite(.serialized) struct WorkerLimitTests {
    private static let soon = Duration.milliseconds(20)

    @Test(arguments: EngineChoice.granted)
    func aTimeLimitStartsAgainUntilTheConnectionIsClosed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for (limit, options) in [
                    (TimeLimit.idle, WorkerOptions(idleTimeLimit: Self.soon)),
                    (TimeLimit.receive, WorkerOptions(receiveTimeLimit: Self.soon)),
                ] {
                    let passed = Atomic<Int>.Box(0)
                    let conduct = WorkerConduct(timeout: { limit, connection in
                        if passed.value.add(1, ordering: .relaxed).newValue == 5 { connection.close() }
                    })
                    let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                    expect(try Client(server.address).readToEnd(), is: .end(""), "its client")
                    try server.journal.waitForEnd(0)
                    var expected = [WorkerJournal.Entry](repeating: .timeout(limit), count: 5)
                    expected = [.connected] + expected + [.closed("closed")]
                    expect(server.journal.entries(0), is: expected, "its worker")
                    server.stop()
                }
            }
        }
    }

    /// The shorter one does not keep the longer one from passing.
    @Test(arguments: EngineChoice.granted)
    func bothTimeLimitsOfASilentPeerPass(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(timeout: { limit, connection in
                    if limit == .idle { connection.close() }
                })
                let options = WorkerOptions(idleTimeLimit: Self.soon * 5, receiveTimeLimit: Self.soon)
                let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                expect(try Client(server.address).readToEnd(), is: .end(""), "its client")
                try server.journal.waitForEnd(0)
                let entries = server.journal.entries(0)
                expect(entries.contains(.timeout(.receive)), "the receive limit passes: \(entries)")
                expect(entries.suffix(2), is: [.timeout(.idle), .closed("closed")], "its worker at last")
                server.stop()
            }
        }
    }

    /// A worker that asks for nothing waits for nothing.
    @Test(arguments: EngineChoice.granted)
    func theReceiveLimitIsForThoseWhoAsk(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(receiving: .manual, receiveTimeLimit: Self.soon)
                let server = try RunningWorkers(engine: engine, options, conduct: WorkerConduct(timeout: { _, _ in }))
                let silent = try Client(server.address)
                let asked = try Client(server.address)
                try server.tell(1, "ask") { $0.receive() }
                try server.journal.wait(1, for: .timeout(.receive))
                server.stop()
                expect(
                    server.journal.entries(0),
                    is: [.connected, .closed("the server has stopped")],
                    "who does not ask"
                )
                withExtendedLifetime((silent, asked)) {}
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerHearsWhenThereIsRoomAgain(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for sendLowWater in [0, 50_000] {
                    let rounds = Atomic<Int>.Box(0)
                    let options = WorkerOptions(sendHighWater: 100_000, sendLowWater: sendLowWater)
                    let conduct = WorkerConduct(
                        connected: { connection in
                            connection.send([UInt8](repeating: 1, count: 100_000))
                            expect(connection.isWritable, is: true, "at the mark")
                            connection.send([1])
                            expect(connection.isWritable, is: false, "a byte above it")
                        },
                        writable: { connection in
                            expect(connection.unsentByteCount <= sendLowWater, "\(connection.unsentByteCount) are left")
                            guard rounds.value.add(1, ordering: .relaxed).newValue < 20 else {
                                return connection.close()
                            }
                            connection.send([UInt8](repeating: 1, count: 100_001))
                            expect(connection.isWritable, is: false, "above again")
                        }
                    )
                    let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                    let client = try Client(server.address)
                    expect(try client.readBytesToEnd(chunk: 65536).count, is: 20 * 100_001, "bytes")
                    client.endOutput()
                    try server.journal.waitForEnd(0)
                    var expected = [WorkerJournal.Entry](repeating: .writable, count: 20)
                    expected = [.connected] + expected + [.closed("closed")]
                    expect(server.journal.entries(0), is: expected, "its worker")
                    server.stop()
                }
            }
        }
    }
}

extension Atomic where Value: Sendable {
    /// A counter for several owners.
    final class Box: Sendable {
        let value: Atomic<Value>
        init(_ initial: consuming Value) { value = Atomic(initial) }
    }
}
