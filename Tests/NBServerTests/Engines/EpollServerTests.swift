import Glibc
import GrantedLevels
import Testing

@testable import NBServer
@testable import NBUring

/// Whole servers on epoll, on the real kernel: crowds, workers, shortages.
@Suite(.serialized) struct EpollServerTests {
    @Test(arguments: [1, 8, 256], [true, false])
    func aCrowdIsAccountedFor(quantum: Int, isMultishot: Bool) async {
        await #expect(processExitsWith: .success) { [quantum, isMultishot] in
            try await KernelScenario.run(on: .epoll) {
                let options = ServerOptions(acceptMode: isMultishot ? .multishot : .oneShot, quantum: quantum)
                let server = try EpollServer(Clerk.greeter, listeners: 2, options: options)
                for _ in 0..<3 {
                    let crowd = try Crowd(500, at: server.addresses[0], server.addresses[1])
                    expect(try crowd.endings(), is: [.end(Clerk.greeting): 1000], "the crowd")
                }
                let end = server.stop()
                expect(end.counters.delivered, is: 3000, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
                expect(end.counters.acceptFailures, is: 0, "failed accepts")
            }
        }
    }

    @Test func clientsThatComeAndResetAreAllDelivered() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.run(on: .epoll) {
                let server = try EpollServer(Clerk.greeter, options: ServerOptions(quantum: 8))
                try Crowd.comeAndReset(1500, at: server.addresses[0])
                expect(try Client(server.addresses[0]).readToEnd(), is: .end(Clerk.greeting), "a late client")
                let end = server.stop()
                expect(end.counters.delivered, is: 1501, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
            }
        }
    }

    /// Frames come back whole, with more connections than buffers, in few bytes at a time.
    @Test(arguments: [1, 4], [true, false])
    func workersReceiveAndSend(bufferCount: Int, isSteady: Bool) async {
        await #expect(processExitsWith: .success) { [bufferCount, isSteady] in
            try await KernelScenario.run(on: .epoll) {
                let receiving: WorkerOptions.ReceiveMode = isSteady ? .continuous : .once
                ClosureWorker.chosenOptions.withLock {
                    $0 = WorkerOptions(receiving: receiving, framing: .line)
                }
                let behavior = RunningWorkers.Behavior(
                    conduct: .echo,
                    journal: WorkerJournal(),
                    end: .init(RunningServer.End()),
                    failures: .init([])
                )
                let options = ServerOptions(receiveBufferCount: bufferCount, receiveBufferSize: 4, quantum: 8)
                let server = try EpollServer(behavior, options: options)
                let clients = try (0..<50).map { _ in try Client(server.addresses[0]) }
                for round in 0..<5 {
                    for (number, client) in clients.enumerated() { try client.say("\(number) in round \(round)\n") }
                    for (number, client) in clients.enumerated() {
                        let line = "\(number) in round \(round)\n"
                        expect(try client.read(line.utf8.count), is: line, "an echo")
                    }
                }
                for client in clients { client.finish() }
                for client in clients { expect(try client.readToEnd(), is: .end(""), "the end") }
                let end = server.stop()
                expect(end.counters.delivered, is: 50, "delivered")
            }
        }
    }

    /// Without descriptors it parks, and tries again when there are some.
    @Test func withoutDescriptorsNobodyIsLost() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.run(on: .epoll) {
                let infos = Record<String>()
                var clerk = Clerk.greeter
                clerk.onBegin = { _, _ in
                    DescriptorLimit.lower()
                    return .continue
                }
                clerk.onInfo = { _, info, _ in
                    if case .listenerParked(_, let cause) = info { infos.append("parked \(cause.errno ?? 0)") }
                    if case .listenerRecovered = info { infos.append("recovered") }
                    return .continue
                }
                let held = try ListenSocket("127.0.0.1:0", options: [])
                let clients = (0..<20).map { _ in Client(family: AF_INET) }
                held.close()
                let server = try EpollServer(clerk, options: ServerOptions())
                for client in clients { try client.connect(to: server.addresses[0]) }
                try KernelScenario.wait(for: "parking") { !infos.entries.isEmpty }
                DescriptorLimit.raise()
                for client in clients { expect(try client.readToEnd(), is: .end(Clerk.greeting), "a client") }
                let end = server.stop()
                expect(infos.entries, is: ["parked \(EMFILE)", "recovered"], "what was told")
                expect(end.counters.delivered, is: 20, "delivered")
                expect(end.counters.discarded, is: 0, "discarded")
            }
        }
    }

    /// Without descriptors it resets those who come, and holds those it has.
    @Test func withoutDescriptorsClientsAreShed() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.run(on: .epoll) {
                let sheds = Record<String>()
                var clerk = Clerk.keeper
                clerk.onInfo = { _, info, _ in
                    if case .listenerShedding = info { sheds.append("shedding") }
                    return .continue
                }
                let clients = (0..<6).map { _ in Client(family: AF_INET) }
                let server = try EpollServer(clerk, options: ServerOptions(whenExhausted: .shed))
                try clients[0].connect(to: server.addresses[0])
                expect(try clients[0].read(Clerk.greeting.utf8.count), is: Clerk.greeting, "the first")
                let fillers = DescriptorLimit.fill()
                for client in clients.dropFirst() {
                    try client.connect(to: server.addresses[0])
                    expect(try client.readToEnd(), is: .reset, "one that is shed")
                }
                expect(sheds.entries, is: ["shedding"], "what was told")
                for filler in fillers { close(filler) }
                let end = server.stop()
                expect(end.counters.shed, is: 5, "shed")
                expect(end.counters.delivered, is: 1, "delivered")
                expect(try clients[0].readToEnd(), is: .end(""), "the first at the end")
            }
        }
    }

    /// A server that waits is woken by each message.
    @Test func messagesWakeTheServer() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.run(on: .epoll) {
                let server = try EpollServer(Clerk.greeter, options: ServerOptions())
                let done = Record<String>()
                for number in 1...200 {
                    try server.mailbox.put(
                        CastMessage<Clerk>(
                            .perform { _, _ in
                                done.append("\(number)")
                                return .continue
                            }
                        )
                    )
                    try KernelScenario.wait(for: "message \(number)") { done.entries.count == number }
                }
                server.stop()
            }
        }
    }

    /// A detached socket is the receiver's, works on, and is not watched.
    @Test func aConnectionThatWasReceivedFromIsHandedOut() async {
        await #expect(processExitsWith: .success) {
            try await KernelScenario.run(on: .epoll) {
                let detached = Lock<[Int32]>([])
                ClosureWorker.chosenOptions.withLock { $0 = WorkerOptions() }
                let conduct = WorkerConduct(received: { bytes, connection in
                    connection.send(bytes.span)
                    connection.detach { connection in
                        let descriptors = connection.takeDescriptors()
                        detached.withLock { $0 += descriptors }
                    }
                })
                let behavior = RunningWorkers.Behavior(
                    conduct: conduct,
                    journal: WorkerJournal(),
                    end: .init(RunningServer.End()),
                    failures: .init([])
                )
                let server = try EpollServer(behavior, options: ServerOptions())
                let client = try Client(server.addresses[0])
                try client.say("first\n")
                expect(try client.read(6), is: "first\n", "what the worker sent")
                try KernelScenario.wait(for: "the hand-out") { detached.withLock { !$0.isEmpty } }
                let descriptor = detached.withLock { $0[0] }
                expect(Glibc.send(descriptor, "second\n", 7, 0), is: 7, "sent")
                expect(try client.read(7), is: "second\n", "what its owner sent")
                close(descriptor)
                expect(try client.readToEnd(), is: .end(""), "its end")
                server.stop()
            }
        }
    }
}
