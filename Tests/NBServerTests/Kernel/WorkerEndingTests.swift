import Glibc
import GrantedLevels
import NBUring
import Synchronization
import Testing

@testable import NBServer

/// How workers and their connections end, one half at a time or both, and who has the connection afterwards.
@Suite(.serialized) struct WorkerEndingTests {
    private struct Trouble: Error, CustomStringConvertible {
        let description: String
    }

    @Test(arguments: EngineChoice.granted)
    func whoHasEndedItsSideStillGetsItsAnswer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var conduct = WorkerConduct()
                conduct.inputEnded = { connection in
                    connection.send([UInt8](repeating: 65, count: 1 << 20))
                    connection.close()
                }
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let client = try Client(server.address)
                try client.say("a question")
                client.endOutput()
                expect(try client.readBytesToEnd(chunk: 65536).count, is: 1 << 20, "bytes of the answer")
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [.connected, .received("a question"), .inputEnded, .closed("closed")],
                    "its worker"
                )
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerThatHasEndedItsSideStillReceives(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(connected: { connection in
                    connection.send("that is all")
                    connection.finishOutput()
                    connection.send("not sent")
                })
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let client = try Client(server.address)
                expect(try client.readToEnd(), is: .end("that is all"), "what the client gets")
                for word in ["I", "go", "on"] {
                    try client.say(word)
                    try server.journal.wait(0, for: .received(word))
                }
                client.endOutput()
                try server.journal.waitForEnd(0)
                expect(
                    server.journal.entries(0),
                    is: [
                        .connected, .received("I"), .received("go"), .received("on"), .inputEnded, .closed("closed"),
                    ],
                    "its worker"
                )
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDetachedConnectionBringsWhatNobodyHasRead(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                for mode in [WorkerOptions.ReceiveMode.once, .continuous] {
                    for size in [1, 4, 4096] { try Self.release(engine, mode, size) }
                }
            }
        }
    }

    /// One that is on its way to somebody else.
    private struct Taken: Sendable {
        let descriptor: Int32
        let unread: [UInt8]
    }

    private static func release(_ engine: EngineChoice, _ mode: WorkerOptions.ReceiveMode, _ bufferSize: Int) throws {
        let taken = Lock<[Taken]>.Box([])
        let conduct = WorkerConduct(received: { _, connection in
            connection.send("goodbye\n")
            connection.detach { detached in
                guard case .success(let connection) = detached, let (descriptor, unread) = connection.take() else {
                    return
                }
                taken.value.withLock { $0.append(Taken(descriptor: descriptor, unread: unread)) }
            }
            connection.send("not sent")
        })
        let options = WorkerOptions(receiving: mode, framing: .line)
        let server = try RunningWorkers(engine: engine, options, bufferSize: bufferSize, conduct: conduct)
        let client = try Client(server.address)
        try client.say("first\nsecond\nthi")
        expect(try client.read(8), is: "goodbye\n", "the server's last words")
        try client.say("rd\n")
        try server.journal.waitForEnd(0)
        expect(server.journal.entries(0), is: [.connected, .received("first"), .closed("detached")], "its worker")
        try KernelScenario.wait(for: "the connection is detached") { taken.value.withLock { $0.count } == 1 }
        server.stop()
        for connection in taken.value.withLock({ $0 }) {
            // What the server has not taken is the socket's still.
            var bytes = connection.unread
            _ = fcntl(connection.descriptor, F_SETFL, 0)
            while bytes.count < 10 {
                var byte: UInt8 = 0
                guard recv(connection.descriptor, &byte, 1, 0) == 1 else { break }
                bytes.append(byte)
            }
            expect(String(decoding: bytes, as: UTF8.self), is: "second\nthird\n".prefix(10) + "", "unread")
            expect(send(connection.descriptor, "mine", 4, Int32(MSG_NOSIGNAL)), is: 4, "sent by the new owner")
            close(connection.descriptor)
        }
        expect(try client.read(4), is: "mine", "what the new owner sends")
    }

    /// The server stops while what was queued on it is still to be sent.
    @Test(arguments: EngineChoice.granted)
    func aConnectionThatIsDetachedWhileTheServerStopsLosesNothing(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let unread = Lock<[[UInt8]]>.Box([])
                let conduct = WorkerConduct(received: { _, connection in
                    connection.send([UInt8](repeating: 65, count: 8 << 20))
                    connection.detach { detached in
                        guard case .success(let connection) = detached else { return }
                        unread.value.withLock { $0.append(connection.unread) }
                    }
                })
                let server = try RunningWorkers(engine: engine, WorkerOptions(framing: .line), conduct: conduct)
                let client = try Client(server.address)
                try client.say("first\nsecond\n")
                expect(try client.read(1), is: "A", "the first byte")
                let reader = HelperThread {
                    // It reads when the worker has been told of the stop.
                    _ = try? server.journal.waitForEnd(0)
                    let count = try? client.readBytesToEnd(chunk: 65536).count
                    expect(count, is: (8 << 20) - 1, "the other bytes")
                }
                server.stop()
                reader.join()
                expect(server.journal.entries(0).last, is: .closed("detached"), "its worker's end")
                expect(unread.value.withLock { $0 }, is: [Array("second\n".utf8)], "unread")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDetachedConnectionThatNobodyTakesIsClosed(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(received: { _, connection in
                    connection.send("goodbye")
                    connection.detach { _ in }
                })
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                for _ in 0..<20 {
                    let client = try Client(server.address)
                    try client.say("?")
                    expect(try client.readToEnd(), is: .end("goodbye"), "the client")
                }
                server.stop()
                expect(server.journal.count(of: .closed("detached")), is: 20, "detached")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func anErrorEndsItsConnectionAndIsReported(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let connected = Atomic<Int>.Box(0)
                let conduct = WorkerConduct(
                    connected: { _ in
                        let number = connected.value.add(1, ordering: .relaxed).newValue
                        if number == 2 { throw Trouble(description: "when connected") }
                    },
                    received: { bytes, connection in
                        connection.send("before it fails")
                        if bytes == [UInt8(ascii: "!")] { throw Trouble(description: "when received") }
                        connection.receive()
                    },
                    timeout: { _, _ in throw Trouble(description: "when late") },
                    inputEnded: { _ in throw Trouble(description: "when left") }
                )
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let witness = try Client(server.address)
                _ = try server.journal.id(0)
                expect(try Client(server.address).readToEnd(), is: .end(""), "the second")
                try server.journal.waitForEnd(1)
                let speaker = try Client(server.address)
                try speaker.say("!")
                expect(try speaker.readToEnd(), is: .end("before it fails"), "the third")
                try server.journal.waitForEnd(2)
                let leaver = try Client(server.address)
                leaver.endOutput()
                expect(try leaver.readToEnd(), is: .end(""), "the fourth")
                try server.journal.waitForEnd(3)
                let addressee = try Client(server.address)
                try server.tell(4, "fail") { _ in throw Trouble(description: "when told") }
                expect(try addressee.readToEnd(), is: .end(""), "the fifth")
                try server.journal.waitForEnd(4)
                try witness.say("well")
                expect(try witness.read(15), is: "before it fails", "the first")
                let end = server.stop()
                expect(end.counters.failed, is: 4, "failed")
                let told = ["when connected", "when received", "when left", "when told"]
                expect(server.reportedFailures, is: told, "what the behavior was told")
                for number in 1...4 {
                    let last = WorkerJournal.Entry.closed("failed: \(told[number - 1])")
                    expect(server.journal.entries(number).last, is: last, "worker \(number)")
                }
                expect(server.journal.entries(0).last, is: .closed("the server has stopped"), "the first worker")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aStopEndsEveryWorker(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningWorkers(engine: engine, conduct: .echo)
                let clients = try (0..<300).map { _ in try Client(server.address) }
                for number in 0..<300 { _ = try server.journal.id(number) }
                for client in clients.prefix(100) { try client.say("unheard or echoed") }
                // Those who do not end their side are reset when the limit has passed.
                for client in clients { client.endOutput() }
                server.stop()
                for client in clients {
                    let ending = try client.readToEnd()
                    expect([.end(""), .end("unheard or echoed")].contains(ending), "an end: \(ending)")
                }
                for number in 0..<300 {
                    let entries = server.journal.entries(number)
                    expect(entries.count(where: \.isClosed), is: 1, "ends of worker \(number)")
                    expect(entries.last?.isClosed == true, "worker \(number) hears of its end last: \(entries)")
                }
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainAsksEveryWorkerToFinish(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var conduct = WorkerConduct.echo
                conduct.finish = { connection in
                    connection.send("the last words\n")
                    // One in two goes on until its client leaves.
                    if connection.id.slot % 2 == 0 { connection.close() }
                }
                let server = try RunningWorkers(engine: engine, WorkerOptions(framing: .line), conduct: conduct)
                let clients = try (0..<100).map { _ in try Client(server.address) }
                for number in 0..<100 { _ = try server.journal.id(number) }
                let waiting = HelperThread {
                    for client in clients {
                        _ = try? client.read(15)
                        client.endOutput()
                    }
                }
                let end = server.drain()
                waiting.join()
                expect("\(end.reason)", is: "drained", "why it stopped")
                for client in clients { expect(try client.readToEnd(), is: .end(""), "a client's end") }
                expect(server.journal.count(of: .finish), is: 100, "told to finish")
                expect(server.journal.count(of: .closed("closed")), is: 100, "closed")
                expect(server.journal.count(of: .inputEnded), is: 50, "left by their clients")
            }
        }
    }

    /// Nothing completes after the last connection has been given away.
    @Test(arguments: EngineChoice.granted)
    func aDrainEndsWhenTheLastConnectionIsDetached(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let taken = Lock<[Int32]>.Box([])
                let conduct = WorkerConduct(finish: { connection in
                    connection.send("goodbye")
                    connection.detach { detached in
                        let descriptors = detached.takeDescriptors()
                        taken.value.withLock { $0 += descriptors }
                    }
                })
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let client = try Client(server.address)
                _ = try server.journal.id(0)
                expect("\(server.drain(within: .seconds(3600)).reason)", is: "drained", "why it stopped")
                for descriptor in taken.value.withLock({ $0 }) { close(descriptor) }
                expect(try client.readToEnd(), is: .end("goodbye"), "its client")
                expect(server.journal.entries(0), is: [.connected, .finish, .closed("detached")], "its worker")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainDoesNotWaitForeverForAWorkerThatStays(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(finish: { _ in })
                let server = try RunningWorkers(engine: engine, closeTimeLimit: .milliseconds(50), conduct: conduct)
                let client = try Client(server.address)
                _ = try server.journal.id(0)
                let end = server.drain(within: .milliseconds(50))
                expect("\(end.reason)", is: "\(StopReason.drained(unfinished: 1))", "why it stopped")
                expect(
                    server.journal.entries(0),
                    is: [.connected, .finish, .closed("the server has stopped")],
                    "its worker"
                )
                expect(try client.readToEnd(), is: .end(""), "its client")
            }
        }
    }
}
