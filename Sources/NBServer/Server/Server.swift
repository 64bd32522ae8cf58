/// A server: a behavior, the sockets it listens on, and the loop that brings them together.
///
/// It runs once: on the thread that calls ``run()``, on one of its own (``start()``), or in turns that the caller makes
/// (``embed()``). That thread makes and owns the engine. The methods may be called from any thread; messages that are sent before
/// the server runs wait until it does.
///
/// ```
///  init ──▶ ready ── run, start, embed ──▶ starting ──▶ running ── stop, a signal, a verdict, an error ──▶ stopped
///             └── stop ──▶ canceled
/// ```
public final class Server<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    let options: ServerOptions
    let control: LoopControl
    let mailbox: Mailbox

    private let life: Lock<Life>
    private let begun = Gate()
    /// How it ended; canceled counts as requested.
    let end = Outcome<Result<StopReason, ServerError>>()

    private enum Life {
        case ready(ServerResources)
        /// Stopped before it ran.
        case canceled
        case starting(ServerResources)
        case running
        case stopped
    }

    /// The addresses the server listens on now, with the ports the kernel chose; after its end, those it listened on last.
    public var addresses: [SocketAddress] { control.addresses.withLock { $0 } }

    /// Binds one address for a behavior.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - endpoint: where to listen, as in `"127.0.0.1:7777"`.
    ///   - options: how to run.
    ///   - observer: who watches it, if anybody does.
    /// - Throws: ``ServerError`` if an option is out of its range, or the address is none, is in use or not permitted.
    public convenience init(
        _ behavior: consuming sending Behavior,
        listening endpoint: Endpoint,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil
    ) throws(ServerError) {
        try self.init(behavior, listening: [endpoint], options: options, observer: observer)
    }

    /// Binds addresses for a behavior. From now on clients can connect; they wait until the server runs.
    ///
    /// Blocks for up to half a second an address that is in use: a server that was killed lets go of it late. Standard
    /// streams that are closed are opened on `/dev/null`, so that no connection takes the place of one.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - endpoints: where to listen; two on port 0 are two listeners. There may be none: listeners can be added later.
    ///   - options: how to run.
    ///   - observer: who watches it, if anybody does.
    /// - Throws: ``ServerError`` if an option is out of its range, or an address is none, is in use or not permitted; nothing is
    ///   left bound then. `socket(2)`, `setsockopt(2)`, `bind(2)`, `listen(2)`.
    public convenience init(
        _ behavior: consuming sending Behavior,
        listening endpoints: [Endpoint],
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil
    ) throws(ServerError) {
        try self.init(behavior, listening: endpoints, options: options, observer: observer, alsoSetting: [])
    }

    /// The same, with socket options besides the behavior's.
    init(
        _ behavior: consuming sending Behavior,
        listening endpoints: [Endpoint],
        options: ServerOptions,
        observer: (any ServerObserver)?,
        alsoSetting extraOptions: [SocketOption]
    ) throws(ServerError) {
        try options.expectValid()
        guard endpoints.count <= options.maximumListeners else {
            throw ServerError(
                .tooManyListeners,
                operation: "listen",
                cure: "\(endpoints.count) addresses are more than ServerOptions.maximumListeners, "
                    + "\(options.maximumListeners)"
            )
        }
        occupyStandardStreams()
        let socketOptions = behavior.socketOptions + extraOptions
        for option in socketOptions { try option.expectValid() }
        var sockets: [ListenSocket] = []
        for endpoint in endpoints { sockets.append(try ListenSocket(endpoint, options: socketOptions)) }
        let addresses = sockets.map(\.address)
        let control = LoopControl()
        control.addresses.withLock { $0 = addresses }
        let mailbox = Mailbox(control, options)
        let resources = ServerResources(
            behavior: TypedBehaviorBox(behavior, mailbox),
            sockets: sockets,
            socketOptions: socketOptions,
            observer: observer
        )
        self.options = options
        self.control = control
        self.mailbox = mailbox
        life = Lock(.ready(resources))
    }
}

// Running.
extension Server where Behavior: ~Copyable {
    /// Serves on the calling thread until the server is stopped.
    ///
    /// The ring belongs to that thread. Call it on one that may block: not on a Dispatch queue.
    ///
    /// - Returns: why it stopped; ``StopReason/failed(_:)`` if a callback threw or the mailbox was full and
    ///   ``ServerOptions/fullMailbox`` says to stop then, and ``StopReason/requested`` at once if the server was stopped before.
    ///   Everything is closed, and `terminate` has run.
    /// - Throws: ``ServerError`` if no engine is to be had (``ServerOptions/engine``) or it fails, the behavior declined or could not begin, the last
    ///   listener went down, descriptors ran out and ``ServerOptions/exhaustion`` says to stop then, or the server ran before.
    @available(
        *,
        noasync,
        message: "it would block the task's thread, and the engine needs a thread for good; use start()"
    )
    @discardableResult
    public func run() throws(ServerError) -> StopReason {
        try run(stoppingOn: [])
    }

    /// Serves on the calling thread until the server is stopped, or one of some signals arrives.
    ///
    /// The signals are handled while the server runs, whichever thread they arrive at; no thread's mask is changed, and
    /// what was to happen on them before is put back. `sigaction(2)`.
    ///
    /// The first signal stops the server as ``requestStop(within:)`` does. Another one ends its patience: connections that have
    /// not ended by then are reset, and `terminate` still runs.
    ///
    /// - Parameters:
    ///   - stopping: the signals that stop the server.
    ///   - telling: the signals that the behavior is told, as ``ServerInfo/signal(_:)``, and that do not stop it; also those
    ///     that are in both lists.
    /// - Returns: why it stopped. Everything is closed, and `terminate` has run.
    /// - Throws: ``ServerError`` as ``run()`` does, or if a signal cannot be handled.
    @available(
        *,
        noasync,
        message: "it would block the task's thread, and the engine needs a thread for good; use start()"
    )
    @discardableResult
    public func run(stoppingOn stopping: [Signal], telling: [Signal] = []) throws(ServerError) -> StopReason {
        guard try claim() else { return .requested }
        control.setToldSignals(telling)
        return try runClaimed(handling: stopping + telling).get()
    }

    /// Serves on a thread of the server's own, which lives as long as the server runs.
    ///
    /// Blocks the caller until the behavior has begun: as long as `begin` takes, and up to a second to make the engine. A server
    /// that was stopped before does not run, and that is no error. The server goes on running if nobody keeps a reference to it; only a stop, a
    /// verdict or a failure ends it.
    ///
    /// - Throws: ``ServerError`` as ``run()`` does until the behavior has begun, or if no thread can be made. A failure after
    ///   that is told by ``ended()``, and to `terminate`.
    public func start() throws(ServerError) {
        try start(named: "nb-server", onProcessor: nil)
    }

    /// The same, on a thread that has a name and may keep to a processor.
    func start(named name: String, onProcessor processor: Int?) throws(ServerError) {
        guard try claim() else { return }
        do {
            try startThread(named: name) { _ = self.runClaimed(handling: [], onProcessor: processor) }
        } catch {
            finish(.failure(error))
            throw error
        }
        begun.wait()
        // One that has begun may have failed since; the starter need not know.
        if case .failure(let error) = end.value, !hasBegun { throw error }
    }

    private var hasBegun: Bool { control.hasBegun }

    /// Decides that the server is to run; `false` if it was stopped before.
    func claim(isPolled: Bool = false) throws(ServerError) -> Bool {
        let result: Result<Bool, ServerError> = life.withLock { life in
            switch life {
            case .ready(let resources):
                do throws(ServerError) {
                    try control.doorbell.open(isPolled: isPolled)
                } catch {
                    return .failure(error)
                }
                life = .starting(resources)
                return .success(true)
            case .canceled:
                return .success(false)
            case .starting, .running, .stopped:
                return .failure(
                    ServerError(.alreadyRan, operation: "run", cure: "a server runs once; make another one")
                )
            }
        }
        return try result.get()
    }

    private func runClaimed(
        handling signals: [Signal],
        onProcessor processor: Int? = nil
    ) -> Result<StopReason, ServerError> {
        let result: Result<StopReason, ServerError>
        do throws(ServerError) {
            if let processor { try Processors.pinThread(to: processor) }
            result = .success(try serve(handling: signals))
        } catch {
            result = .failure(error)
        }
        finish(result)
        return result
    }

    /// Everything that serving needs is taken here and ends here: when this returns, it is closed.
    private func serve(handling signals: [Signal]) throws(ServerError) -> StopReason {
        let resources = takeResources()
        guard !signals.isEmpty else { return try serve(resources) }
        let relay = try SignalRelay(signals, for: [control])
        defer { extendLifetime(relay) }
        return try serve(resources)
    }

    private func serve(_ resources: ServerResources) throws(ServerError) -> StopReason {
        try ThreadHost.serve(resources, control, options) {
            noteBegun()
        }
    }

    /// The behavior has begun.
    func noteBegun() {
        control.noteBegun()
        begun.open()
    }

    func takeResources() -> ServerResources {
        life.withLock { life in
            guard case .starting(let resources) = life else { preconditionFailure("nothing is to be started") }
            life = .running
            return resources
        }
    }

    func finish(_ result: Result<StopReason, ServerError>) {
        let last = life.withLock { life in
            defer { life = .stopped }
            return life
        }
        // Outside of the lock, which the behavior's own end may want.
        _ = consume last
        publishEnd(result)
    }

    /// Sees to it that a server that does not run yet never will; `false` if it runs or ran.
    func cancel() -> Bool {
        let unused: ServerResources? = life.withLock { life in
            guard case .ready(let resources) = life else { return nil }
            life = .canceled
            return resources
        }
        guard unused != nil else { return false }
        // Outside of the lock, which the behavior's own end may want.
        _ = consume unused
        publishEnd(.success(.requested))
        return true
    }

    /// Lets everybody who waits for the server know that it has ended.
    private func publishEnd(_ result: Result<StopReason, ServerError>) {
        let reason = result.reason
        control.doorbell.close()
        mailbox.close(reason)
        mailbox.ledger.close(reason)
        end.resolve(result)
        begun.open()
    }
}
