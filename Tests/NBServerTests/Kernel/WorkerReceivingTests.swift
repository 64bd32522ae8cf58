import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// How often a worker is given what has arrived: as often as it asks.
@Suite(.serialized) struct WorkerReceivingTests {
    private static let passive = WorkerConduct(received: { _, _ in })

    @Test(arguments: EngineChoice.granted)
    func onceIsOneDelivery(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(receiving: .once)
                let server = try RunningWorkers(engine: engine, options, conduct: Self.passive)
                let client = try Client(server.address)
                try client.say("one")
                try server.journal.wait(0, for: .received("one"))
                try client.say("two")
                try client.waitUntilAllIsHeard()
                try server.tell(0, "still")
                try server.tell(0, "ask") { $0.receive() }
                try server.journal.wait(0, for: .received("two"))
                client.endOutput()
                try server.tell(0, "ask again") { $0.receive() }
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [
                        .connected, .received("one"), .message("still"), .message("ask"), .received("two"),
                        .message("ask again"), .inputEnded, .closed("closed"),
                    ],
                    "what the worker was told"
                )
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func countIsSoManyDeliveriesAndContinuousIsAll(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(receiving: .count(3), framing: .line)
                let server = try RunningWorkers(engine: engine, options, bufferSize: 8, conduct: Self.passive)
                let client = try Client(server.address)
                let lines = (0..<1000).map { "line \($0)" }
                try client.say(lines[..<10].joined(separator: "\n") + "\n")
                try client.waitUntilAllIsHeard()
                try server.journal.wait(0, for: .received("line 2"))
                try server.tell(0, "two more") { $0.receive(.count(2)) }
                try server.journal.wait(0, for: .received("line 4"))
                try server.tell(0, "none") { $0.receive(.manual) }
                try server.tell(0, "the rest") { $0.receive(.continuous) }
                try client.say(lines[10...].joined(separator: "\n") + "\n")
                try server.journal.wait(0, for: .received("line 999"))
                client.endOutput()
                try server.journal.waitForEnd(0)
                var expected: [WorkerJournal.Entry] = [.connected] + lines.map { .received($0) }
                expected.insert(contentsOf: [.message("none"), .message("the rest")], at: 6)
                expected.insert(.message("two more"), at: 4)
                expected += [.inputEnded, .closed("closed")]
                expect(server.journal.entries(0) == expected, "told: \(server.journal.entries(0).prefix(12))")
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerThatTakesBackContinuousGetsNoMoreAndLosesNothing(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(receiving: .continuous)
                let server = try RunningWorkers(engine: engine, options, conduct: Self.passive)
                let client = try Client(server.address)
                for round in 0..<20 {
                    try client.say("heard \(round)")
                    try server.journal.wait(0, for: .received("heard \(round)"))
                    try server.tell(0, "stop \(round)") { $0.receive(.manual) }
                    try client.say("kept \(round)")
                    try client.waitUntilAllIsHeard()
                    try server.tell(0, "go \(round)") { $0.receive(.continuous) }
                    try server.journal.wait(0, for: .received("kept \(round)"))
                }
                let expected: [[WorkerJournal.Entry]] = (0..<20).map { round in
                    [
                        .received("heard \(round)"), .message("stop \(round)"), .message("go \(round)"),
                        .received("kept \(round)"),
                    ]
                }
                expect(server.journal.entries(0) == [.connected] + expected.joined(), "what the worker was told")
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func manualIsSoManyBytesOrWhateverComes(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for size in [1, 3, 4096] {
                    let conduct = WorkerConduct(received: { bytes, connection in
                        switch bytes.count {
                        case 10: connection.receive(exactly: 1)
                        case 1: connection.receive(exactly: 1000)
                        default: connection.receive()
                        }
                    })
                    let options = WorkerOptions(receiving: .manual, frameLimit: 1000)
                    let server = try RunningWorkers(engine: engine, options, bufferSize: size, conduct: conduct)
                    let client = try Client(server.address)
                    let bytes = (0..<1011).map { UInt8(truncatingIfNeeded: $0 / 7) }
                    try client.say(Array(bytes[..<5]))
                    try client.waitUntilAllIsHeard()
                    try server.tell(0, "ten") { $0.receive(exactly: 10) }
                    try server.tell(0, "still")
                    try client.say(Array(bytes[5...]))
                    let last = WorkerJournal.Entry.received(Array(bytes[11...]))
                    try server.journal.wait(0, for: last)
                    let expected: [WorkerJournal.Entry] = [
                        .connected, .message("ten"), .message("still"), .received(Array(bytes[..<10])),
                        .received([bytes[10]]), last,
                    ]
                    expect(server.journal.entries(0) == expected, "told: \(server.journal.entries(0))")
                    server.stop()
                }
            }
        }
    }

    /// The rest of a frame has to be asked of the kernel also when the first of it was kept.
    @Test(arguments: EngineChoice.granted)
    func aFrameOfWhichAPartWasKeptIsCompleted(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(framing: .line)
                let server = try RunningWorkers(engine: engine, options, conduct: Self.passive)
                let client = try Client(server.address)
                try client.say("first\nsec")
                try server.journal.wait(0, for: .received("first"))
                try server.tell(0, "ask") { $0.receive() }
                try server.tell(0, "still")
                try client.say("ond\nthi")
                try server.journal.wait(0, for: .received("second"))
                try server.tell(0, "whatever comes") {
                    $0.setFraming(.raw)
                    $0.receive()
                }
                try server.journal.wait(0, for: .received("thi"))
                try server.tell(0, "three") { $0.receive(exactly: 3) }
                try client.say("rd\n")
                try server.journal.wait(0, for: .received("rd\n"))
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aHundredConnectionsShareTwoBuffers(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for mode in [WorkerOptions.ReceiveMode.once, .continuous] {
                    let conduct = WorkerConduct(received: { bytes, connection in
                        connection.sendFrame(bytes.span)
                        if mode == .once { connection.receive() }
                    })
                    let options = WorkerOptions(receiving: mode, framing: .line)
                    let server = try RunningWorkers(
                        engine: engine,
                        options,
                        bufferCount: 2,
                        bufferSize: 16,
                        conduct: conduct
                    )
                    let clients = try (0..<100).map { _ in try Client(server.address) }
                    for round in 0..<20 {
                        let line = "round \(round) of twenty, longer than a buffer\n"
                        for client in clients { try client.say(line) }
                        for client in clients { expect(try client.read(line.utf8.count), is: line, "an echo") }
                    }
                    for client in clients { client.endOutput() }
                    for client in clients { expect(try client.readToEnd(), is: .end(""), "the end") }
                    server.stop()
                    expect(server.journal.count(of: .closed("closed")), is: 100, "closed")
                }
            }
        }
    }
}
