import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Messages to workers: from outside, from one another, and to those that have ended.
@Suite(.serialized) struct WorkerMessageTests {
    @Test(arguments: EngineChoice.granted)
    func messagesFromOutsideArriveInOrder(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningWorkers(engine: engine, conduct: .echo)
                let clients = [try Client(server.address), try Client(server.address)]
                let ids = [try server.journal.id(0), try server.journal.id(1)]
                for number in 0..<500 { try server.send("\(number)", to: ids[number % 2]) }
                try server.tell(0, "last") { $0.send("done") }
                try server.tell(1, "last") { $0.send("done") }
                for client in clients { expect(try client.read(4), is: "done", "the last message's effect") }
                for remainder in 0...1 {
                    let sent = stride(from: remainder, to: 500, by: 2).map { WorkerJournal.Entry.message("\($0)") }
                    let expected = [.connected] + sent + [.message("last")]
                    expect(server.journal.entries(remainder) == expected, "messages to worker \(remainder)")
                }
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerTellsEveryOtherAndItself(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(received: { bytes, connection in
                    let text = String(decoding: bytes, as: UTF8.self)
                    for worker in connection.context.workers(of: ClosureWorker.self) {
                        try worker.send(.init(name: text) { $0.send(bytes) })
                    }
                    connection.receive()
                })
                let server = try RunningWorkers(engine: engine, WorkerOptions(framing: .line), conduct: conduct)
                let clients = try (0..<50).map { _ in try Client(server.address) }
                for number in 0..<50 { _ = try server.journal.id(number) }
                for client in clients { try client.say("hi\n") }
                for client in clients { expect(try client.read(100), is: String(repeating: "hi", count: 50), "heard") }
                expect(server.journal.count(of: .message("hi")), is: 2500, "messages")
                server.stop()
                expect(server.undelivered, is: [], "undelivered")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aMessageToAWorkerThatHasEndedIsReported(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let refused = Lock<[ConnectionID]>.Box([])
                let server = try RunningWorkers(engine: engine, conduct: .echo)
                let gone: WorkerRef<ClosureWorker>
                do {
                    _ = try Client(server.address)
                    gone = try server.journal.id(0)
                }
                try server.journal.waitForEnd(0)
                // Its place is another's by now.
                let client = try Client(server.address)
                _ = try server.journal.id(1)
                try server.send("too late", to: gone)
                try server.tell(1, "from inside") { connection in
                    do throws(CastError) {
                        try gone.send(.init(name: "too late") { _ in })
                    } catch {
                        if case .workerGone(let id) = error { refused.value.withLock { $0.append(id) } }
                    }
                }
                expect(refused.value.withLock { $0 }, is: [gone.id], "refused")
                try KernelScenario.wait(for: "the observer hears of it") { !server.undelivered.isEmpty }
                expect(server.undelivered, is: [gone.id], "undelivered")
                expect(server.journal.entries(1), is: [.connected, .message("from inside")], "the other worker")
                server.stop()
                withExtendedLifetime(client) {}
            }
        }
    }

    /// Sent while it lives, to be delivered when it does not.
    @Test(arguments: EngineChoice.granted)
    func aMessageToAWorkerThatEndsInTheSameCallbackIsReported(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let server = try RunningWorkers(engine: engine, conduct: .echo)
                let client = try Client(server.address)
                let id = try server.journal.id(0)
                try server.tell(0, "send and close") { connection in
                    try id.send(.init(name: "never") { _ in })
                    connection.close()
                }
                expect(try client.readToEnd(), is: .end(""), "its client")
                try server.journal.waitForEnd(0)
                let expected: [WorkerJournal.Entry] = [.connected, .message("send and close"), .closed("closed")]
                expect(server.journal.entries(0), is: expected, "its worker")
                server.stop()
                expect(server.undelivered, is: [id.id], "undelivered")
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func oneWorkerAsksAnotherToFinish(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                var conduct = WorkerConduct.echo
                conduct.finish = { connection in
                    connection.send("as you wish")
                    connection.close()
                }
                let server = try RunningWorkers(engine: engine, conduct: conduct)
                let clients = [try Client(server.address), try Client(server.address)]
                let other = try server.journal.id(1)
                try server.tell(0, "finish the other") { _ in try other.finish() }
                expect(try clients[1].readToEnd(), is: .end("as you wish"), "the other client")
                try server.journal.waitForEnd(1)
                expect(server.journal.entries(1), is: [.connected, .finish, .closed("closed")], "the other worker")
                try clients[0].say("still here")
                expect(try clients[0].read(10), is: "still here", "the first client")
                server.stop()
            }
        }
    }

    @Test(arguments: EngineChoice.granted)
    func aWorkerAsksItsServerAndGetsAnAnswer(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                let conduct = WorkerConduct(received: { bytes, connection in
                    let id = connection.worker
                    let text = String(decoding: bytes, as: UTF8.self)
                    let server: Server<RunningWorkers.Behavior> = connection.context.server()
                    try server.cast(.tellMe(text, id))
                    connection.receive()
                })
                let server = try RunningWorkers(engine: engine, WorkerOptions(framing: .line), conduct: conduct)
                let clients = [try Client(server.address), try Client(server.address)]
                for number in 0...1 { _ = try server.journal.id(number) }
                try clients[1].say("one\n")
                try server.journal.wait(1, for: .message("one"))
                try clients[1].say("two\n")
                try server.journal.wait(1, for: .message("two"))
                expect(
                    server.journal.entries(1),
                    is: [.connected, .received("one"), .message("one"), .received("two"), .message("two")],
                    "who asks"
                )
                expect(server.journal.entries(0), is: [.connected], "who does not")
                expect(server.stop().counters.messages, is: 2, "messages")
            }
        }
    }
}
