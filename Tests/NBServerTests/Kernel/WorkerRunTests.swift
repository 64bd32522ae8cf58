import Glibc
import GrantedLevels
import Synchronization
import Testing

@testable import NBServer

/// What workers await, on each engine: what comes of it, and what waits for it.
@Suite(.serialized) struct WorkerRunTests {
    private struct Trouble: Error, CustomStringConvertible {
        let description = "trouble"
    }

    /// Answers a line with a line, which it awaits.
    private static let answering = WorkerConduct(received: { bytes, connection in
        let text = String(decoding: bytes, as: UTF8.self)
        connection.run {
            await Task.yield()
            return ClosureWorker.Message(name: text) { $0.send("\(text)!\n") }
        }
    })

    @Test(arguments: EngineChoice.granted)
    func answersKeepTheOrderOfTheirQuestions(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningWorkers(engine: engine, WorkerOptions(framing: .line), conduct: Self.answering)
                let client = try Client(server.address)
                let questions = (0..<1000).map { "\($0)" }
                try client.say(questions.map { $0 + "\n" }.joined())
                client.endOutput()
                expect(try client.readToEnd(), is: .end(questions.map { $0 + "!\n" }.joined()), "the answers")
                try server.journal.waitForEnd(0)
                let told = questions.flatMap { [WorkerJournal.Entry.received(Array($0.utf8)), .message($0)] }
                expect(
                    server.journal.entries(0) == [.connected] + told + [.inputEnded, .closed("closed")],
                    "a question is delivered before the one before it is answered"
                )
                server.stop()
                expect(server.undelivered, is: [], "undelivered")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func anErrorEndsTheConnection(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(received: { _, connection in
                    connection.send("one moment\n")
                    connection.run { throw Trouble() }
                })
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let client = try Client(server.address)
                try client.say("?")
                expect(try client.readToEnd(), is: .end("one moment\n"), "its client")
                try server.journal.waitForEnd(0)
                expect(server.journal.entries(0).last, is: .closed("failed: trouble"), "its end")
                server.stop()
                expect(server.reportedFailures, is: ["trouble"], "what the behavior was told")
            }
        }
    }

    enum Way: String, CaseIterable, Codable {
        case close, reset, clientResets, limit, stop
    }

    /// What it returns afterwards is dropped without a word.
    @Test(arguments: EngineChoice.granted, Way.allCases)
    func theEndOfItsConnectionCancelsIt(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let isCancelled = Atomic<Bool>.Box(false)
                let hasBegun = Atomic<Bool>.Box(false)
                let conduct = WorkerConduct(received: { _, connection in
                    connection.run {
                        hasBegun.value.store(true, ordering: .releasing)
                        try? await Task.sleep(for: .seconds(3600))
                        isCancelled.value.store(true, ordering: .releasing)
                        return ClosureWorker.Message(name: "too late") { _ in }
                    }
                })
                let limit: Duration? = way == .limit ? .milliseconds(50) : nil
                let options = WorkerOptions(idleTimeLimit: limit)
                let server = try RunningWorkers(engine: engine, options, conduct: conduct)
                var client: Client? = try Client(server.address)
                try client?.say("?")
                try KernelScenario.wait(for: "the task") { hasBegun.value.load(ordering: .acquiring) }
                switch way {
                case .close: try server.tell(0, "close") { $0.close() }
                case .reset: try server.tell(0, "reset") { $0.reset() }
                case .clientResets:
                    client?.reset()
                    client = nil
                case .limit: break
                case .stop: server.stop()
                }
                try KernelScenario.wait(for: "its cancellation") { isCancelled.value.load(ordering: .acquiring) }
                try server.journal.waitForEnd(0)
                server.stop()
                expect(server.journal.entries(0).contains(.message("too late")), is: false, "a late message")
                expect(server.undelivered, is: [], "undelivered")
                expect(server.reportedFailures, is: [], "failures")
            }
        }
    }

    /// The connection and the server end without it, and its value is dropped.
    @Test(arguments: EngineChoice.granted, [Way.close, .stop])
    func aTaskThatIgnoresItsCancellationKeepsNothingFromEnding(on engine: EngineChoice, way: Way) async {
        await #expect(processExitsWith: .success) { [engine, way] in
            try await KernelScenario.run(on: engine) {
                let (gate, isOver) = (Outcome<Void>(), Atomic<Bool>.Box(false))
                let conduct = WorkerConduct(received: { _, connection in
                    connection.send("one moment")
                    connection.run {
                        await gate.resolved()
                        isOver.value.store(true, ordering: .releasing)
                        return ClosureWorker.Message(name: "too late") { _ in }
                    }
                })
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let client = try Client(server.address)
                try client.say("?")
                expect(try client.read(10), is: "one moment", "what it hears at once")
                if way == .close { try server.tell(0, "close") { $0.close() } } else { server.stop() }
                expect(try client.readToEnd(), is: .end(""), "its end")
                try server.journal.waitForEnd(0)
                // Another one is served meanwhile, or nothing is left to serve it.
                if way == .close {
                    let other = try Client(server.address)
                    try other.say("?")
                    expect(try other.read(10), is: "one moment", "the other one")
                }
                gate.resolve(())
                try KernelScenario.wait(for: "the task's end") { isOver.value.load(ordering: .acquiring) }
                server.stop()
                expect(server.journal.entries(0).contains(.message("too late")), is: false, "a late message")
                expect(server.reportedFailures, is: [], "failures")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aDrainWaitsForAnAnswer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let answer = Outcome<String>()
                var conduct = WorkerConduct(received: { _, connection in
                    connection.run {
                        let text = await answer.resolved()
                        return ClosureWorker.Message(name: text) { $0.send(text) }
                    }
                })
                let isDraining = Atomic<Bool>.Box(false)
                conduct.finish = { connection in
                    connection.send(", and good bye")
                    connection.close()
                }
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let clients = [try Client(server.address), try Client(server.address)]
                try clients[0].say("?")
                try server.journal.wait(0, for: .received("?"))
                let drain = HelperThread {
                    _ = server.drain()
                    isDraining.value.store(true, ordering: .releasing)
                }
                // The other one is asked to finish at once.
                expect(try clients[1].readToEnd(), is: .end(", and good bye"), "who awaits nothing")
                answer.resolve("the answer")
                expect(try clients[0].readToEnd(), is: .end("the answer, and good bye"), "who awaits an answer")
                drain.join()
                let told: [WorkerJournal.Entry] = [
                    .connected, .received("?"), .message("the answer"), .finish, .closed("closed"),
                ]
                expect(server.journal.entries(0), is: told, "what the worker was told")
                expect("\(server.stop().reason)", is: "drained", "why it stopped")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func moreThanItsLimitEndTheConnection(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(received: { bytes, connection in
                    for number in 0..<Int(bytes[0]) {
                        connection.run { ClosureWorker.Message(name: "\(number)") { $0.send("\(number)") } }
                    }
                })
                let server = try RunningWorkers(engine: engine, WorkerOptions(runLimit: 2), conduct: conduct)
                let clients = [try Client(server.address), try Client(server.address)]
                for number in 0...1 { _ = try server.journal.id(number) }
                try clients[0].say("\u{3}")
                expect(try clients[0].readToEnd(), is: .end(""), "who asked for three")
                try server.journal.waitForEnd(0)
                let error = "WorkerConnection.run(_:): 3 is out of range; it must be 2 at a time or fewer"
                expect(server.reportedFailures.count, is: 1, "failures")
                expect(server.reportedFailures.first?.hasPrefix(error) == true, "\(server.reportedFailures)")
                try clients[1].say("\u{2}")
                expect(Set(try clients[1].read(2)), is: ["0", "1"], "who asked for two")
                server.stop()
            }
        }
    }

    /// The worker sends back what it is given, and asks for nothing.
    @Test(arguments: EngineChoice.granted)
    func theWholeInputComesBackToAClientThatReadsLate(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let most = Atomic<Int>.Box(0)
                let conduct = WorkerConduct(received: { bytes, connection in
                    connection.send(bytes)
                    most.value.store(
                        max(most.value.load(ordering: .relaxed), connection.unsentByteCount),
                        ordering: .relaxed
                    )
                })
                let server = try RunningWorkers(engine: engine, bufferSize: 16 << 10, conduct: conduct)
                let client = try Client(server.address)
                let text = String(repeating: "0123456789abcdef", count: 16 << 16)
                let speaker = HelperThread {
                    do {
                        try client.say(text)
                    } catch {
                        expect(false, "\(error)")
                    }
                    client.endOutput()
                }
                // It has filled its own queue, and both buffers of the kernel.
                try KernelScenario.wait(for: "a rest") { most.value.load(ordering: .relaxed) > 64 << 10 }
                expect(try client.readToEnd() == .end(text), "what came back is something else")
                speaker.join()
                try server.journal.waitForEnd(0)
                expect(server.journal.entries(0).suffix(2), is: [.inputEnded, .closed("closed")], "its end")
                // A delivery begins at the high-water mark at the latest.
                expect(most.value.load(ordering: .relaxed) <= (64 + 16) << 10, "\(most.value.load(ordering: .relaxed))")
                server.stop()
            }
        }
    }
}
