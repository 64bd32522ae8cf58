internal import Glibc
internal import Synchronization
internal import Uring

/// A server: a behavior, the sockets it listens on, and the loop that brings them together.
///
/// It runs once, on the thread that calls ``run()`` or on one of its own (``start()``), and that thread makes and owns
/// the ring. The methods may be called from any thread.
///
/// ```
///  init ──▶ ready ── run, start ──▶ starting ──▶ running ── stop, a signal, a verdict, an error ──▶ stopped
///             └── stop ──▶ canceled
/// ```
public final class Server<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    /// The addresses the server is bound to, in the order in which they were given, with the ports the kernel chose.
    public let addresses: [SocketAddress]

    private let options: ServerOptions
    private let life: Mutex<Life>
    private let begun = Gate()
    private let ended = Gate()

    private enum Life {
        case ready(Resources)
        /// Stopped before it ran.
        case canceled
        case starting(Resources, LoopControl)
        case running(LoopControl, thread: pthread_t)
        case stopped(ServerError?)
    }

    /// What the thread that runs the server takes with it; one thread after the other has it.
    private struct Resources: @unchecked Sendable {
        let behavior: BehaviorBox
        let sockets: [ListenSocket]
        let closesWait: Bool
    }

    /// Binds one address for a behavior.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - endpoint: where to listen, as in `"127.0.0.1:7777"`.
    ///   - options: how to run.
    /// - Throws: ``ServerError`` if the address is none, is in use or not permitted.
    public convenience init(
        _ behavior: consuming sending Behavior,
        listening endpoint: Endpoint,
        options: ServerOptions = ServerOptions()
    ) throws(ServerError) {
        try self.init(behavior, listening: [endpoint], options: options)
    }

    /// Binds addresses for a behavior. From now on clients can connect; they wait until the server runs.
    ///
    /// Blocks for up to half a second an address that is in use: a server that was killed lets go of it late. Standard
    /// streams that are closed are opened on `/dev/null`, so that no connection takes the place of one.
    ///
    /// - Parameters:
    ///   - behavior: the behavior; the server owns it from now on.
    ///   - endpoints: where to listen; two on port 0 are two listeners.
    ///   - options: how to run.
    /// - Throws: ``ServerError`` if there is no address, or one is none, is in use or not permitted; nothing is left
    ///   bound then. `socket(2)`, `setsockopt(2)`, `bind(2)`, `listen(2)`.
    public init(
        _ behavior: consuming sending Behavior,
        listening endpoints: [Endpoint],
        options: ServerOptions = ServerOptions()
    ) throws(ServerError) {
        guard !endpoints.isEmpty else {
            throw ServerError(
                .noListener,
                operation: "listen",
                cure: "give at least one address, such as 127.0.0.1:7777"
            )
        }
        guard endpoints.count <= options.maximumListeners else {
            throw ServerError(
                .tooManyListeners,
                operation: "listen",
                cure: "\(endpoints.count) addresses are more than ServerOptions.maximumListeners, "
                    + "\(options.maximumListeners)"
            )
        }
        occupyStandardStreams()
        let socketOptions = behavior.socketOptions
        var sockets: [ListenSocket] = []
        for endpoint in endpoints { sockets.append(try ListenSocket(endpoint, options: socketOptions)) }
        let closesWait = socketOptions.contains(where: \.makesCloseWait)
        let box = TypedBehaviorBox(behavior)
        addresses = sockets.map(\.address)
        self.options = options
        life = Mutex(.ready(Resources(behavior: box, sockets: sockets, closesWait: closesWait)))
    }

    /// Serves on the calling thread until the server is stopped.
    ///
    /// The ring belongs to that thread. Call it on one that may block: not on a Dispatch queue.
    ///
    /// - Returns: why it stopped; ``StopReason/failed(_:)`` if `handleInfo` threw, and ``StopReason/requested`` at once if the
    ///   server was stopped before. Everything is closed, and `terminate` has run.
    /// - Throws: ``ServerError`` if io_uring is absent, forbidden or fails, the behavior declined, the last listener went
    ///   down, or the server ran before.
    @available(
        *,
        noasync,
        message: "it would block the task's thread, and the ring needs a thread for good; use start()"
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
    /// - Parameter signals: the signals that stop the server.
    /// - Returns: why it stopped. Everything is closed, and `terminate` has run.
    /// - Throws: ``ServerError`` as ``run()`` does, or if a signal cannot be handled.
    @available(
        *,
        noasync,
        message: "it would block the task's thread, and the ring needs a thread for good; use start()"
    )
    @discardableResult
    public func run(stoppingOn signals: [Signal]) throws(ServerError) -> StopReason {
        guard try claim() else { return .requested }
        return try runClaimed(stoppingOn: signals)
    }

    /// Serves on a thread of the server's own, which lives as long as the server runs.
    ///
    /// Returns when the behavior has begun. The server goes on running if nobody keeps a reference to it; only
    /// ``stop()``, a verdict or a failure ends it.
    ///
    /// - Throws: ``ServerError`` as ``run()`` does until the behavior has begun, or if no thread can be made. A failure after
    ///   that is `terminate`'s to hear.
    public func start() throws(ServerError) {
        guard try claim() else { return }
        do {
            try startThread { _ = try? self.runClaimed(stoppingOn: []) }
        } catch {
            finish(error)
            throw error
        }
        begun.wait()
        let failure: ServerError? = life.withLock { if case .stopped(let error) = $0 { error } else { nil } }
        if let failure { throw failure }
    }

    /// Stops the server.
    ///
    /// Returns when everything is closed and `terminate` has run; connections that were dropped before are given
    /// ``ServerOptions/closeTimeLimit`` to take their bytes. Called from a callback it only arranges for that and
    /// returns at once. A server that does not run yet never will. Stopping again waits for the same end.
    public func stop() {
        let (isRunning, unused): (Bool, Resources?) = life.withLock { life in
            switch life {
            case .ready(let resources):
                life = .canceled
                return (false, resources)
            case .starting(_, let control):
                control.requestStop()
                return (true, nil)
            case .running(let control, let thread):
                control.requestStop()
                return (thread != pthread_self(), nil)
            case .canceled, .stopped:
                return (false, nil)
            }
        }
        // Outside of the lock, which the behavior's own end may want.
        _ = consume unused
        if isRunning { ended.wait() }
    }
}

// Running.
extension Server where Behavior: ~Copyable {
    /// Decides that the server is to run; `false` if it was stopped before.
    private func claim() throws(ServerError) -> Bool {
        let control = try LoopControl()
        let result: Result<Bool, ServerError> = life.withLock { life in
            switch life {
            case .ready(let resources):
                life = .starting(resources, control)
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

    private func runClaimed(stoppingOn signals: [Signal]) throws(ServerError) -> StopReason {
        let result: Result<StopReason, ServerError>
        do throws(ServerError) {
            result = .success(try serve(stoppingOn: signals))
        } catch {
            result = .failure(error)
        }
        if case .failure(let error) = result { finish(error) } else { finish(nil) }
        return try result.get()
    }

    /// Everything that serving needs is taken here and ends here: when this returns, it is closed.
    private func serve(stoppingOn signals: [Signal]) throws(ServerError) -> StopReason {
        let (resources, control) = takeResources()
        guard !signals.isEmpty else { return try serve(resources, control) }
        let relay = try SignalRelay(signals, for: control)
        defer { extendLifetime(relay) }
        return try serve(resources, control)
    }

    private func serve(_ resources: Resources, _ control: LoopControl) throws(ServerError) -> StopReason {
        let engine: RingEngine
        do {
            engine = try RingEngine(options.ring)
        } catch {
            throw ServerError(error)
        }
        var loop = Loop(
            engine: engine,
            sockets: resources.sockets,
            behavior: resources.behavior,
            closesWait: resources.closesWait,
            control: control,
            options: options
        )
        return try loop.run { begun.open() }
    }

    private func takeResources() -> (Resources, LoopControl) {
        life.withLock { life in
            guard case .starting(let resources, let control) = life else {
                preconditionFailure("nothing is to be started")
            }
            life = .running(control, thread: pthread_self())
            return (resources, control)
        }
    }

    private func finish(_ error: ServerError?) {
        let last = life.withLock { life in
            defer { life = .stopped(error) }
            return life
        }
        // Outside of the lock, which the behavior's own end may want.
        _ = consume last
        begun.open()
        ended.open()
    }
}
