import Testing

@testable import NBServer

/// Every option of a server and of a worker, below, at and above its range: what is out of range is an error that names it.
@Suite struct OptionTests {
    private struct Greeter: NonBlockingServer {
        func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
            connection.send("hello")
            return .continue
        }
    }

    private static let powers = "it must be a power of two from 1 to 32768"
    private static let shapes = "it must be from 1 to"

    /// Options, and how the error begins; `nil` for options that are in their range.
    private static let serverOptions: [(ServerOptions, String?)] = [
        (.init(closeTimeLimit: .nanoseconds(-1)), "closeTimeLimit: -1e-09 seconds is out of range"),
        (.init(closeTimeLimit: .zero), nil),
        (.init(closeTimeLimit: Duration(secondsComponent: .max, attosecondsComponent: 0)), nil),
        (.init(lingerTimeLimit: .nanoseconds(-1)), "lingerTimeLimit: -1e-09 seconds is out of range"),
        (.init(lingerTimeLimit: .zero), nil),
        (.init(lingerLimit: -1), "lingerLimit: -1 is out of range; it must be 0 or more"),
        (.init(lingerLimit: 0), nil),
        (.init(lingerLimit: .max), nil),
        (.init(listenerLimit: -1), "listenerLimit: -1 is out of range; it must be 0 or more"),
        (.init(listenerLimit: 0), nil),
        (.init(listenerLimit: .max), nil),
        (.init(mailboxLimit: -1), "mailboxLimit: -1 is out of range; it must be 0 or more"),
        (.init(mailboxLimit: 0), nil),
        (.init(mailboxLimit: .max), nil),
        (.init(mailboxLimit: nil), nil),
        (.init(receiveBufferCount: .min), "receiveBufferCount: -9223372036854775808 is out of range; \(powers)"),
        (.init(receiveBufferCount: 0), "receiveBufferCount: 0 is out of range; \(powers)"),
        (.init(receiveBufferCount: 1), nil),
        (.init(receiveBufferCount: 100), "receiveBufferCount: 100 is out of range; \(powers)"),
        (.init(receiveBufferCount: 32_768), nil),
        (.init(receiveBufferCount: 65_536), "receiveBufferCount: 65536 is out of range; \(powers)"),
        (.init(receiveBufferSize: -1), "receiveBufferSize: -1 is out of range; \(shapes) 2147483647"),
        (.init(receiveBufferSize: 0), "receiveBufferSize: 0 is out of range; \(shapes) 2147483647"),
        (.init(receiveBufferSize: 1), nil),
        (.init(receiveBufferSize: 2_147_483_647), nil),
        (
            .init(receiveBufferSize: 2_147_483_648),
            "receiveBufferSize: 2147483648 is out of range; \(shapes) 2147483647"
        ),
        (.init(engine: .init(submissionDepth: -1)), "engine.submissionDepth: -1 is out of range; \(shapes) 32768"),
        (.init(engine: .init(submissionDepth: 0)), "engine.submissionDepth: 0 is out of range; \(shapes) 32768"),
        (.init(engine: .init(submissionDepth: 1)), nil),
        (.init(engine: .init(submissionDepth: 100)), nil),
        (.init(engine: .init(submissionDepth: 32_768)), nil),
        (
            .init(engine: .init(submissionDepth: 32_769)),
            "engine.submissionDepth: 32769 is out of range; \(shapes) 32768"
        ),
        (
            .init(engine: .init(newestKernel: KernelVersion(5, 10))),
            "engine.newestKernel: Linux 5.10 is out of range; it must be Linux 5.11 or newer"
        ),
        (.init(engine: .init(newestKernel: KernelVersion(5, 11))), nil),
        (.init(engine: .init(newestKernel: KernelVersion(7, 0))), nil),
        (.init(quantum: .min), "quantum: -9223372036854775808 is out of range"),
        (.init(quantum: 0), "quantum: 0 is out of range; \(shapes) 65536"),
        (.init(quantum: 1), nil),
        (.init(quantum: 65_536), nil),
        (.init(quantum: 65_537), "quantum: 65537 is out of range; \(shapes) 65536"),
    ]

    @Test(arguments: serverOptions)
    func aServerOptionOutOfRangeIsAnErrorThatNamesIt(options: ServerOptions, message: String?) throws {
        guard let message else {
            _ = try Server(Greeter(), listening: [], options: options)
            return
        }
        let error = #expect(throws: ServerError.self) { try Server(Greeter(), listening: [], options: options) }
        #expect(error?.code == .invalidOption)
        #expect(error?.description.hasPrefix("ServerOptions.\(message)") == true, "\(String(describing: error))")
    }

    @Test func aSocketOptionOutOfRangeIsAnErrorBeforeThereIsAListener() {
        let error = #expect(throws: ServerError.self) {
            let options = ServerOptions(socketOptions: [.noDelay(true), .backlog(-1)])
            return try Server(Greeter(), listening: [], options: options)
        }
        #expect(error?.code == .invalidOption)
        #expect(error?.operation == "SocketOption.backlog")
    }

    /// The queues' ends are the kernel's own, so a server with them runs.
    @Test(arguments: [(1, 1), (1, 65_536), (32_768, 1), (32_768, 65_536)])
    func aRingOfTheLeastAndTheGreatestDepthRuns(submissionDepth: Int, completionDepth: Int) throws {
        let options = ServerOptions(
            quantum: completionDepth,
            engine: EngineOptions(submissionDepth: submissionDepth)
        )
        let server = try Server(Greeter(), listening: "127.0.0.1:0", options: options)
        try server.startBlocking()
        let clients = try (0..<10).map { _ in try Client(server.addresses[0]) }
        for client in clients { #expect(try client.readToEnd() == .end("hello")) }
        server.stopBlocking()
    }

    private struct Echo: ConnectionWorker {
        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            connection.send(bytes)
            connection.receive()
        }
    }

    private struct EchoServer: NonBlockingServer {
        func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
    }

    @Test(arguments: [(1, 1), (1, 1 << 20), (32_768, 1), (32_768, 16 << 10)])
    func theFewestAndTheMostReceiveBuffersServe(count: Int, size: Int) throws {
        let options = ServerOptions(receiveBufferCount: count, receiveBufferSize: size)
        let server = try Server(EchoServer(), listening: "127.0.0.1:0", options: options)
        try server.startBlocking()
        let clients = try (0..<3).map { _ in try Client(server.addresses[0]) }
        for client in clients { try client.say("soup") }
        for client in clients { #expect(try client.read(4) == "soup") }
        server.stopBlocking()
    }

    private static let longEnough = "is out of range; it must be a nanosecond or longer, or nil"

    /// The same.
    private static let workerOptions: [(WorkerOptions, String?)] = [
        (.init(receiving: .count(-1)), "receiving: -1 is out of range; it must be from 0 to 2147483647"),
        (.init(receiving: .count(0)), nil),
        (.init(receiving: .count(2_147_483_647)), nil),
        (.init(receiving: .count(2_147_483_648)), "receiving: 2147483648 is out of range"),
        (.init(frameLimit: -1), "frameLimit: -1 is out of range; it must be from 1 to 2147483647"),
        (.init(frameLimit: 0), "frameLimit: 0 is out of range; it must be from 1 to 2147483647"),
        (.init(frameLimit: 1), nil),
        (.init(frameLimit: 2_147_483_647), nil),
        (.init(frameLimit: 2_147_483_648), "frameLimit: 2147483648 is out of range"),
        (.init(idleTimeLimit: .zero), "idleTimeLimit: 0.0 seconds \(longEnough)"),
        (.init(idleTimeLimit: .nanoseconds(1)), nil),
        (
            .init(idleTimeLimit: Duration(secondsComponent: 0, attosecondsComponent: 1)),
            "idleTimeLimit: 1e-18 seconds \(longEnough)"
        ),
        (.init(receiveTimeLimit: .zero), "receiveTimeLimit: 0.0 seconds \(longEnough)"),
        (.init(receiveTimeLimit: .nanoseconds(1)), nil),
        (.init(sendTimeLimit: .seconds(-1)), "sendTimeLimit: -1.0 seconds \(longEnough)"),
        (.init(sendTimeLimit: Duration(secondsComponent: .max, attosecondsComponent: 0)), nil),
        (.init(sendLowWater: -1), "sendLowWater: -1 is out of range; it must be 0 or more"),
        (.init(sendHighWater: 1, sendLowWater: 1, sendQueueLimit: 1), nil),
        (.init(sendHighWater: 0, sendLowWater: 0, sendQueueLimit: 0), nil),
        (.init(sendHighWater: 1, sendLowWater: 2), "sendHighWater: 1 is out of range; it must be 2 or more"),
        (.init(sendHighWater: 2, sendQueueLimit: 1), "sendQueueLimit: 1 is out of range; it must be 2 or more"),
        (.init(sendHighWater: .max, sendLowWater: .max, sendQueueLimit: .max), nil),
    ]

    @Test(arguments: workerOptions)
    func aWorkerOptionOutOfRangeIsAnErrorThatNamesIt(options: WorkerOptions, message: String?) throws {
        guard let message else { return try options.expectValid("Worker.options") }
        let error = #expect(throws: ServerError.self) { try options.expectValid("Worker.options") }
        #expect(error?.code == .invalidOption)
        #expect(error?.description.hasPrefix("Worker.options.\(message)") == true, "\(String(describing: error))")
    }
}
