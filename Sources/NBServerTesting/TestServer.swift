internal import NBEngine
public import NBServer
internal import Synchronization

/// A server in memory, for tests: no port, no thread, no waiting.
///
/// ```swift
/// import NBServer
/// import NBServerTesting
///
/// struct NoSoup: NonBlockingServer {
///     func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
///         connection.send("No soup for you!\n")
///         return .continue
///     }
/// }
///
/// // In a test these are expectations of Swift Testing.
/// let server = try TestServer(NoSoup())
/// let client = server.connect()
/// assert(client.receiveText() == "No soup for you!\n")
/// assert(client.ending == .end)
/// assert(server.openConnections == 0)
/// ```
///
/// The server is the real one, on an engine in memory. It is turned by the calls of a test. When such a call returns, the server has done
/// everything there is to do:
///
/// - **Time** stands still until ``advance(by:)``. Limits, timers and pauses take no time of the test's.
/// - **Errors** come when the test asks for them, by ``fail(_:with:times:)``.
/// - **Addresses** are the test's: ``connect(to:from:)-(Int,_)`` says where a client comes from, so that rules by source can be tested.
/// - **Tasks** that workers start by ``WorkerConnection/run(_:)`` are waited for by ``settle()``. Other tasks reach the server while
///   ``turn(during:)`` turns it. Jobs of ``Server/executor`` run in turns.
/// - **Connections from elsewhere** are made by ``detachedConnection(from:unread:)``. One that leaves a test server can be adopted by
///   another one.
///
/// What a test server has no kernel for:
///
/// - The number that ``Connection/withDescriptor(_:)`` and ``DetachedConnection/take()`` give is no descriptor of the process. System calls
///   on it fail with `EBADF`.
/// - Options of sockets are checked, recorded in ``TestClient/socketOptions``, and change nothing.
/// - ``Server/addListener(on:options:)`` of the server itself binds a port of the system, which the test server cannot accept on. The
///   context's ``ServerContext/addListener(on:options:)`` listens in memory.
/// - A test server adopts only connections of its kit, and a server on the kernel none of these. Either ends the process, and says why.
///
/// Use it on one thread at a time. When it is dropped, it stops the server.
public final class TestServer<Behavior: NonBlockingServer & ~Copyable> {
    /// The server, to be sent messages. They wait until the server is turned.
    public let server: Server<Behavior>
    private let kernel: MemoryKernel
    private let embedded: EmbeddedServer
    private let listeners: [Int32]
    /// Why the server has ended, if it has.
    public private(set) var end: StopReason?

    /// Begins a server with listeners on `127.0.0.1:1`, `127.0.0.1:2` and so on.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - listenerCount: how many listeners there are at first.
    ///   - options: how the server runs. Which engine they ask for has no effect.
    ///   - observer: what observes the server; `nil` for nothing.
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
            sockets.append(try calls.listen(SocketAddress("127.0.0.1:\(1 + number)"), options.socketOptions))
        }
        listeners = sockets.map(\.descriptor)
        embedded = try server.embed(on: MemoryEngine(kernel, quantum: options.quantum), calls, listening: sockets)
        self.server = server
        self.kernel = kernel
        kernel.turn = { [weak self] in self?.turn() }
        turn()
    }

    deinit {
        stop()
    }

    /// Connects a client to one of the listeners that there were at first. It is accepted by the time this returns, unless the listener is
    /// paused, has parked or is at a limit.
    ///
    /// - Parameters:
    ///   - listener: the listener's number, from 0.
    ///   - address: the client's address; `nil` for one of the loopback interface that no other client has.
    /// - Returns: the client; reset at once if the listener is closed.
    public func connect(to listener: Int = 0, from address: SocketAddress? = nil) -> TestClient {
        precondition(listeners.indices.contains(listener), "there is no listener \(listener) of \(listeners.count)")
        return client(kernel.connect(to: listeners[listener], from: address))
    }

    /// Connects a client to an address, such as that of a listener that the behavior has added.
    ///
    /// - Parameters:
    ///   - listener: the address. A listener on `0.0.0.0` or `[::]` has every address with its port.
    ///   - address: the client's address; `nil` for one of the loopback interface that no other client has.
    /// - Returns: the client; reset at once if the server does not listen there.
    public func connect(to listener: SocketAddress, from address: SocketAddress? = nil) -> TestClient {
        client(kernel.connect(to: listener, from: address))
    }

    /// Makes a connection that other code has accepted, with its client: for ``Server/adopt(_:)`` and for behaviors that adopt.
    ///
    /// - Parameters:
    ///   - address: the client's address; `nil` for one of the loopback interface that no other client has.
    ///   - unread: bytes that were received on the connection and not handled.
    /// - Returns: the client, and the connection that has not been adopted.
    public func detachedConnection(
        from address: SocketAddress? = nil,
        unread: [UInt8] = []
    ) -> (client: TestClient, connection: DetachedConnection) {
        let socket = kernel.makeDetached(from: address)
        let connection = DetachedConnection(socket.descriptor, unread: unread, standIn: socket) {}
        return (TestClient(socket), connection)
    }

    private func client(_ socket: MemorySocket) -> TestClient {
        turn()
        return TestClient(socket)
    }

    /// Lets time pass. What is due happens in its order, each at its time.
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
    ///   - operation: the kind.
    ///   - errno: the error, as in `errno(3)`.
    ///   - times: how many operations fail.
    public func fail(_ operation: TestOperation, with errno: Int32, times: Int = 1) {
        kernel.fail(operation, with: errno, times: max(0, times))
    }

    /// Has the server do everything there is to do, such as to handle messages of other threads.
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

    /// Turns the server until no task of a worker is under way, so that its answer has come; see ``WorkerConnection/run(_:)``.
    ///
    /// Tasks run on threads of their own, so this takes as long as they do. A task that awaits something that the test does later is not
    /// waited for: use ``turn(during:)``.
    public nonisolated(nonsending) func settle() async {
        while !Task.isCancelled, let count = try? server.runCount(turning: turn), count > 0 { await Task.yield() }
    }

    /// Turns the server while an operation awaits something of it: a call, a drain, an actor on the server's executor.
    ///
    /// ```swift
    /// import NBServer
    /// import NBServerTesting
    ///
    /// struct Echo: ConnectionWorker {
    ///     func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
    /// }
    ///
    /// struct EchoServer: NonBlockingServer {
    ///     func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo { Echo() }
    /// }
    ///
    /// let server = try TestServer(EchoServer())
    /// let reason = try await server.turn { [inner = server.server] in await inner.drain(within: .seconds(30)) }
    /// print("ended: \(reason)")
    /// ```
    ///
    /// - Parameter operation: runs in a task of its own, which is cancelled with the caller's. It must not use the test server, which this call
    ///   uses meanwhile.
    /// - Returns: the value that the operation returns.
    /// - Throws: the error that the operation throws.
    public nonisolated(nonsending) func turn<Value: Sendable>(
        during operation: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let isDone = Flag()
        let task = Task {
            defer { isDone.set() }
            return try await operation()
        }
        return try await withTaskCancellationHandler {
            while !isDone.isSet {
                turn()
                await Task.yield()
            }
            turn()
            return try await task.value
        } onCancel: {
            task.cancel()
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

    /// Reports a signal to the behavior, as ``ServerInfo/signal(_:)``, and turns the server. The process gets no signal.
    public func signal(_ signal: Signal) {
        server.report(signal)
        turn()
    }

    /// Asks the server to drain, and turns it. ``end`` says whether it has ended; the limit passes by ``advance(by:)``.
    ///
    /// - Parameters:
    ///   - queued: what to do with clients that were not accepted.
    ///   - limit: how long connections have to end.
    public func drain(queued: QueuedClients = .serve, within limit: Duration = .seconds(30)) {
        server.requestDrain(queued: queued, within: limit)
        turn()
    }

    /// The server's status now.
    ///
    /// - Throws: ``CallError`` if it has ended.
    public func status() throws(CallError) -> ServerStatus {
        try server.status(turning: turn)
    }

    /// How many connections the server has, and has not closed. 0 when it has ended; otherwise something leaks. A detached connection does
    /// not count.
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

/// Set once, by any thread.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isSet: Bool { state.load(ordering: .acquiring) }

    func set() {
        state.store(true, ordering: .releasing)
    }
}
