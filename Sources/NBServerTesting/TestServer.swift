internal import NBEngine
public import NBServer

/// A server in memory, for tests: no port, no thread, no waiting.
///
/// ```swift
/// let server = try TestServer(NoSoup())
/// let client = server.connect()
/// #expect(client.receiveText() == "No soup for you!\n")
/// #expect(client.ending == .end)
/// ```
///
/// The server is the real one, on an engine in memory. It is turned by the calls of a test, and when such a call returns it has done everything
/// there is to do. Its time stands still until ``advance(by:)``: limits, timers and pauses take no time of the test's. Errors come when
/// they are asked for, by ``fail(_:with:times:)``.
///
/// Not here: addresses of peers and of a connection's own end, which are `nil`; descriptors that are handed out
/// (``Connection/detach(to:)``), which lead nowhere; connections from elsewhere; options of sockets; signals; an executor. Messages of
/// other threads are handled when the server is turned next.
///
/// One thread at a time. Its end stops the server.
public final class TestServer<Behavior: NonBlockingServer & ~Copyable> {
    /// The server, to be sent messages. What waits for it waits until it is turned.
    public let server: Server<Behavior>
    private let kernel: MemoryKernel
    private let embedded: EmbeddedServer
    private let listeners: [Int32]
    /// Why the server has ended, if it has.
    public private(set) var end: StopReason?

    /// Begins a server with listeners, which have ports from 1 on.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - listenerCount: how many listeners there are at first.
    ///   - options: how it runs. Which engine it asks for is not looked at.
    ///   - observer: what watches it, if anything does.
    /// - Throws: ``ServerError`` as ``Server/embed()`` does.
    public init(
        _ behavior: consuming sending Behavior,
        listenerCount: Int = 1,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil
    ) throws(ServerError) {
        let server = try Server(behavior, listening: [], options: options, observer: observer)
        let kernel = MemoryKernel(
            quantum: options.quantum,
            bufferCount: options.receiveBufferCount,
            bufferSize: options.receiveBufferSize
        )
        let calls = MemoryCalls(kernel)
        var sockets: [ListenSocket] = []
        for number in 0..<max(0, listenerCount) {
            sockets.append(try calls.listen(SocketAddress("127.0.0.1:\(1 + number)"), []))
        }
        listeners = sockets.map(\.descriptor)
        embedded = try server.embed(on: MemoryEngine(kernel, quantum: options.quantum), calls, listening: sockets)
        self.server = server
        self.kernel = kernel
        turn()
    }

    deinit {
        stop()
    }

    /// A client connects. It is accepted by the time this returns, unless its listener rests, has parked or is at a limit.
    ///
    /// - Parameter listener: which of the listeners there were at first, from 0.
    /// - Returns: the client; reset at once if the listener is closed.
    public func connect(to listener: Int = 0) -> TestClient {
        precondition(listeners.indices.contains(listener), "there is no listener \(listener) of \(listeners.count)")
        let socket = kernel.connect(to: listeners[listener], window: 64 << 10)
        let client = TestClient(kernel, socket ?? .refused) { [weak self] in self?.turn() }
        turn()
        return client
    }

    /// Lets time pass: what is due happens in its order, each at its time.
    public func advance(by duration: Duration) {
        turn()
        let target = kernel.now + duration
        while end == nil, let alarm = kernel.alarm, alarm <= target {
            kernel.advance(to: alarm)
            turn()
        }
        kernel.advance(to: target)
        turn()
    }

    /// Makes the next operations of a kind fail.
    ///
    /// - Parameters:
    ///   - operation: which.
    ///   - errno: with what, as in `errno(3)`.
    ///   - times: how many of them.
    public func fail(_ operation: TestOperation, with errno: Int32, times: Int = 1) {
        kernel.fail(operation, with: errno, times: max(0, times))
    }

    /// Has the server do everything there is to do, such as messages of other threads.
    public func turn() {
        guard end == nil else { return }
        embedded.moveToThisThread()
        while true {
            switch embedded.turn() {
            case .again: continue
            case .idle: return
            case .done(let reason):
                end = reason
                return
            }
        }
    }

    /// Calls the server, and turns it.
    ///
    /// - Throws: ``CallError`` as ``Server/call(_:within:)`` does; ``CallError/timeout(_:)`` if it is not answered when the server has done
    ///   everything there is to do.
    public func call<Reply>(_ request: (Caller<Reply>) -> Behavior.Call) throws(CallError) -> Reply {
        try server.call(request, turning: turn)
    }

    /// Sends the server a message, and turns it.
    ///
    /// - Throws: ``CastError`` as ``Server/cast(_:)`` does.
    public func cast(_ message: Behavior.Cast) throws(CastError) {
        try server.cast(message)
        turn()
    }

    /// What can be said of the server now.
    ///
    /// - Throws: ``CallError`` if it has ended.
    public func status() throws(CallError) -> ServerStatus {
        try server.status(turning: turn)
    }

    /// How many connections the server has not closed: 0 when it has ended, or something leaks.
    public var openConnections: Int { kernel.openCount }

    /// Stops the server; connections that do not end within ``ServerOptions/stopTimeLimit`` are reset.
    ///
    /// - Returns: why it has ended.
    @discardableResult
    public func stop() -> StopReason {
        server.requestStop()
        turn()
        while end == nil {
            // A server that stops has a deadline, unless it has ended.
            guard let alarm = kernel.alarm else { preconditionFailure("the server stops, and waits for nothing") }
            kernel.advance(to: alarm)
            turn()
        }
        return end ?? .requested
    }
}

extension MemorySocket {
    /// A connection that came to nothing.
    fileprivate static var refused: MemorySocket {
        let socket = MemorySocket(-1, window: 0, at: Instant(nanoseconds: 0))
        socket.isReset = true
        return socket
    }
}
