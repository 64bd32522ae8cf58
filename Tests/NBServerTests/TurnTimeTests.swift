import NBEngine
import Testing

@testable import NBServer

/// When the loop reads the clock, on a fake kernel that counts how often.
@Suite struct TurnTimeTests {
    private let client: Int32 = 100_000

    private struct Greeter: ConnectionWorker {
        func connected(_ connection: borrowing WorkerConnection<Self>) { connection.send("hello") }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.close() }
    }

    /// Serves a client from its coming to its end; returns how often the clock was read meanwhile.
    private func readings(_ options: WorkerOptions) throws -> Int {
        let server = try ScriptedServer()
        let (listener, client) = (server.listeners[0], client)
        var readings: [Int] = []
        let (kernel, _) = try server.run(
            assigning: Greeter(),
            options: options,
            script: [
                { kernel in
                    readings.append(kernel.clockReadings)
                    try kernel.accept(client, on: listener)
                },
                { kernel in
                    kernel.complete(try #require(kernel.sends(on: client).first).token, 5)
                    kernel.completeReceive(try #require(kernel.receives(on: client).first).token, [1])
                },
                { kernel in
                    #expect(kernel.closes(of: client) == 1)
                    readings.append(kernel.clockReadings)
                },
            ]
        )
        #expect(kernel.closes(of: client) == 1)
        return readings[1] - readings[0]
    }

    @Test func whereNothingIsTimedTheClockIsNotRead() throws {
        #expect(try readings(WorkerOptions()) == 0)
    }

    /// When a turn begins, or the limit does, and when its operations are submitted.
    @Test func whereAConnectionHasALimitItIsReadTwiceATurn() throws {
        #expect(try readings(WorkerOptions(idleTimeLimit: .seconds(60))) == 4)
    }
}
