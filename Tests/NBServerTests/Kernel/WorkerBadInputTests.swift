import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// Peers that misbehave: each costs its own connection, within its limits, and the others are served.
@Suite(.serialized) struct WorkerBadInputTests {
    /// Short, for scenarios that wait for a limit to pass.
    private static let soon = Duration.milliseconds(50)

    /// Echoes, and has time limits for the one who misbehaves.
    private static let watchful: WorkerConduct = {
        var conduct = WorkerConduct.echo
        conduct.onlyTheFirstHasTimeLimits = true
        return conduct
    }()

    @Test(arguments: EngineChoice.granted)
    func aPeerThatSendsNothingIsLeftWhenTheIdleLimitHasPassed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(framing: .line, idleTimeLimit: Self.soon)
                let server = try RunningWorkers(engine: engine, options, conduct: Self.watchful)
                let silent = try Client(server.address)
                try server.expectToServe("while it is silent\n")
                expect(try silent.readToEnd(), is: .end(""), "the silent one")
                try server.journal.waitForEnd(0)
                expect(server.journal.entries(0), is: [.connected, .timeout(.idle), .closed("closed")], "its worker")
                try server.expectToServe("afterwards\n")
                server.stop()
            }
        }
    }

    /// Each byte comes in time, but the line does not.
    @Test(arguments: EngineChoice.granted)
    func aPeerThatSendsByteByByteIsLeftWhenTheReceiveLimitHasPassed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for mode in [WorkerOptions.ReceiveMode.once, .continuous] {
                    let options = WorkerOptions(receiving: mode, framing: .line, receiveTimeLimit: Self.soon)
                    let hasHeardALine = Atomic<Bool>.Box(false)
                    var conduct = Self.watchful
                    conduct.received = { bytes, connection in
                        hasHeardALine.value.store(true, ordering: .relaxed)
                        try WorkerConduct.echo.received(bytes, connection)
                    }
                    // On a slow machine the limit may pass before the whole line has come.
                    conduct.timeout = { _, connection in
                        if hasHeardALine.value.load(ordering: .relaxed) { connection.close() }
                    }
                    let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                    let slow = try Client(server.address)
                    try slow.say("a line\n")
                    expect(try slow.read(7), is: "a line\n", "an echo")
                    try slow.trickle(UInt8(ascii: "."))
                    // A byte that comes between the last look for input and the close resets the connection.
                    let ending = try slow.readToEnd()
                    expect([.end(""), .reset].contains(ending), "the slow one: \(ending)")
                    slow.endOutput()
                    try server.journal.waitForEnd(0)
                    let entries = server.journal.entries(0)
                    expect(
                        entries.filter { $0 != .timeout(.receive) },
                        is: [.connected, .received("a line"), .closed("closed")],
                        "its worker"
                    )
                    expect(entries.suffix(2), is: [.timeout(.receive), .closed("closed")], "its worker's end")
                    try server.expectToServe("afterwards\n")
                    server.stop()
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aLineWithoutEndGrowsToItsLimitOnly(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(framing: .line, frameLimit: 1000)
                let server = try RunningWorkers(engine: engine, options, bufferSize: 64, conduct: .echo)
                let endless = try Client(server.address)
                endless.writeInBackground(1 << 20)
                try server.expectToServe("meanwhile\n")
                // It is heard out: what it reads is the end, not a reset.
                expect(try endless.readToEnd(), is: .end(""), "the endless one")
                endless.finish()
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [.connected, .closed("a frame was longer than WorkerOptions.frameLimit")],
                    "its worker"
                )
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aFrameThatIsTooLongIsRefusedByItsHeader(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for length: [UInt8] in [[0, 0, 0, 101], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff]] {
                    let options = WorkerOptions(framing: .lengthHeader(.fourBytes), frameLimit: 100)
                    let server = try RunningWorkers(engine: engine, options, conduct: .echo)
                    let client = try Client(server.address)
                    try client.say(length)
                    client.endOutput()
                    expect(try client.readToEnd(), is: .end(""), "it")
                    try server.journal.waitForEnd(0)
                    expect(
                        server.journal.entries(0),
                        is: [.connected, .closed("a frame was longer than WorkerOptions.frameLimit")],
                        "its worker"
                    )
                    try server.expectToServe("\0\0\0\u{4}next")
                    server.stop()
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func halfAFrameIsNeverDeliveredAndItsWorkerIsTold(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for (framing, half) in [
                    (WorkerOptions.Framing.line, "half a li"), (.lengthHeader(.twoBytes), "\0\u{9}half"),
                    (.lengthHeader(.twoBytes), "\0"),
                ] {
                    let options = WorkerOptions(framing: framing, deliversUnterminatedLine: false)
                    let server = try RunningWorkers(engine: engine, options, conduct: .echo)
                    do {
                        let client = try Client(server.address)
                        try client.say(half)
                    }
                    try server.journal.waitForEnd(0)
                    let count = half.utf8.count
                    let reason = "\(CloseReason.frameCut(byteCount: count))"
                    let expected: [WorkerJournal.Entry] = [.connected, .cut(count), .inputEnded, .closed(reason)]
                    expect(server.journal.entries(0), is: expected, "its worker")
                    try server.expectToServe(framing == .line ? "next\n" : "\0\u{4}next")
                    server.stop()
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aResetInTheMiddleCostsItsConnectionOnly(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for mode in [WorkerOptions.ReceiveMode.once, .continuous] {
                    let options = WorkerOptions(receiving: mode, framing: .line)
                    let server = try RunningWorkers(engine: engine, options, conduct: .echo)
                    for number in 0..<50 {
                        let client = try Client(server.address)
                        try client.say("whole\nhal")
                        expect(try client.read(6), is: "whole\n", "an echo")
                        client.reset()
                        // Its worker exists; what it has heard is in the journal when it has ended.
                        _ = try server.journal.id(number)
                    }
                    for number in 0..<50 {
                        try server.journal.waitForEnd(number)
                        let expected: [WorkerJournal.Entry] = [
                            .connected, .received("whole"), .closed("lost: Connection reset by peer (errno 104)"),
                        ]
                        expect(server.journal.entries(number), is: expected, "worker \(number)")
                    }
                    try server.expectToServe("next\n")
                    server.stop()
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aPeerThatNeverReadsIsResetWhenTheQueueIsFull(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var conduct = WorkerConduct.echo
                conduct.received = { bytes, connection in
                    if bytes.count == 5 { connection.sendFrame(bytes.span) }
                    connection.receive()
                }
                let limit = 4 << 20
                let options = WorkerOptions(framing: .line, sendQueueLimit: limit)
                let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                let deaf = try Client(server.address)
                let patient = try Client(server.address)
                try server.tell(1, "as much as fits") { connection in
                    connection.send([UInt8](repeating: 7, count: limit))
                    expect(connection.isWritable, is: false, "whether there is room")
                }
                try server.tell(0, "one more") { connection in
                    connection.send([UInt8](repeating: 7, count: limit))
                    connection.send([7])
                    connection.send("in vain")
                    expect(connection.isWritable, is: false, "whether there is room")
                }
                expect(try deaf.readToEnd(), is: .reset, "the deaf one")
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [
                        .connected, .message("one more"), .closed("more was queued than WorkerOptions.sendQueueLimit"),
                    ],
                    "its worker"
                )
                expect(try patient.read(limit).utf8.count, is: limit, "bytes of the other one")
                try server.expectToServe("other\n")
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aPeerThatNeverReadsIsResetWhenTheSendLimitHasPassed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let options = WorkerOptions(framing: .line, sendTimeLimit: Self.soon)
                let server = try RunningWorkers(engine: engine, options, conduct: Self.watchful)
                let deaf = try Client(server.address)
                try server.tell(0, "much") { $0.send([UInt8](repeating: 7, count: 16 << 20)) }
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [.connected, .message("much"), .timeout(.send), .closed("reset")],
                    "its worker"
                )
                expect(try deaf.readToEnd(), is: .reset, "the deaf one")
                try server.expectToServe("next\n")
                server.stop()
            }
        }
    }
}
