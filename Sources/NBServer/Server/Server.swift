/// A server: a behavior, the sockets it listens on, and the loop between them.
///
/// A server runs once:
///
/// - on the thread that calls ``run(drainingOn:within:stoppingOn:reporting:)``;
/// - on a thread of its own, with ``start(drainingOn:within:stoppingOn:reporting:)``;
/// - in turns that the caller makes, with ``embed()``.
///
/// That thread makes and owns the engine. The methods may be called from any thread. Messages that are sent before the server runs wait
/// until it does.
///
/// ```
///  init ──▶ ready ── run, start, embed ──▶ starting ──▶ running ── stop, a signal, a verdict, an error ──▶ stopped
///             └── stop ──▶ cancelled
/// ```
public final class Server<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    let options: ServerOptions
    let control: LoopControl
    let mailbox: Mailbox
    let messageTypes = MessageTypes<Behavior>()

    private let life: Lock<Life>
    let begun = Outcome<Void>()
    /// How it ended; cancelled counts as requested.
    let end = Outcome<Result<StopReason, ServerError>>()

    private enum Life {
        case ready(ServerResources)
        /// Stopped before it ran.
        case cancelled
        case starting(ServerResources)
        case running
        case stopped
    }

    /// The addresses that the server listens on now, with the ports that the kernel chose. From a drain on, the last ones.
    public var addresses: [SocketAddress] { control.addresses.withLock { $0 } }

    /// Binds one address for a behavior.
    ///
    /// - Parameters:
    ///   - behavior: the behavior. The server owns it from now on.
    ///   - endpoint: the address to listen on, as in `"127.0.0.1:7777"`.
    ///   - options: how the server runs.
    ///   - observer: what observes the server; `nil` for nothing.
    /// - Throws: ``ServerError`` if an option is out of its range, or the address is invalid, in use or not permitted.
    public convenience init(
        _ behavior: consuming sending Behavior,
        listening endpoint: Endpoint,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil
    ) throws(ServerError) {
        try self.init(behavior, listening: [endpoint], options: options, observer: observer)
    }

    /// Binds addresses for a behavior. From now on clients can connect. They wait until the server runs.
    ///
    /// Blocks for up to half a second for each address that is in use, because a server that was killed releases its address late. If a
    /// standard stream is closed, it is opened on `/dev/null`, so that no connection gets its descriptor. The kernel makes the
    /// process's table of descriptors as large as their limit, up to 65,536 of eight bytes each: a table that grows later stops the loop for
    /// milliseconds where threads share it.
    ///
    /// - Parameters:
    ///   - behavior: the behavior. The server owns it from now on.
    ///   - endpoints: the addresses to listen on. Port 0 twice makes two listeners. The list may be empty: listeners can be added later.
    ///   - options: how the server runs.
    ///   - observer: what observes the server; `nil` for nothing.
    /// - Throws: ``ServerError`` if an option is out of its range, or an address is invalid, in use or not permitted. Nothing stays bound
    ///   then. `socket(2)`, `setsockopt(2)`, `bind(2)`, `listen(2)`.
    public init(
        _ behavior: consuming sending Behavior,
        listening endpoints: [Endpoint],
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil
    ) throws(ServerError) {
        try options.expectValid()
        guard endpoints.count <= options.listenerLimit else {
            throw ServerError(
                .tooManyListeners,
                operation: "listen",
                cure: "\(endpoints.count) addresses are more than ServerOptions.listenerLimit, "
                    + "\(options.listenerLimit)"
            )
        }
        occupyStandardStreams()
        makeRoomForDescriptors()
        var sockets: [ListenSocket] = []
        for endpoint in endpoints { sockets.append(try ListenSocket(endpoint, options: options.socketOptions)) }
        let addresses = sockets.map(\.address)
        let control = LoopControl()
        control.addresses.withLock { $0 = addresses }
        let mailbox = Mailbox(control, options)
        let resources = ServerResources(
            behavior: TypedBehaviorBox(behavior, mailbox),
            sockets: sockets,
            observer: observer
        )
        self.options = options
        self.control = control
        self.mailbox = mailbox
        life = Lock(.ready(resources))
    }

    /// One that never ran leaves its jobs to others.
    deinit {
        mailbox.executor.handOver()
    }
}

// From ready to stopped.
extension Server where Behavior: ~Copyable {
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
            case .cancelled:
                return .success(false)
            case .starting, .running, .stopped:
                return .failure(
                    ServerError(.alreadyRan, operation: "run", cure: "a server runs once; make another one")
                )
            }
        }
        return try result.get()
    }

    func runClaimed(
        handling roles: SignalRoles,
        onProcessor processor: Int? = nil
    ) -> Result<StopReason, ServerError> {
        let result: Result<StopReason, ServerError>
        do throws(ServerError) {
            if let processor { try Processors.pinThread(to: processor) }
            result = .success(try serve(handling: roles))
        } catch {
            result = .failure(error)
        }
        finish(result)
        return result
    }

    /// Everything that serving needs is taken here and ends here: when this returns, it is closed.
    private func serve(handling roles: SignalRoles) throws(ServerError) -> StopReason {
        let resources = takeResources()
        guard !roles.isEmpty else { return try serve(resources) }
        let relay = try SignalRelay(roles, for: [control])
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
        begun.resolve(())
    }

    func takeResources() -> ServerResources {
        life.withLock { life in
            guard case .starting(let resources) = life else { preconditionFailure("nothing is to be started") }
            life = .running
            // Until the loop ends, which lets go of the behavior.
            resources.behavior.server = self
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
            life = .cancelled
            return resources
        }
        guard unused != nil else { return false }
        // Outside of the lock, which the behavior's own end may want.
        _ = consume unused
        publishEnd(.success(.requested))
        return true
    }

    /// Tells senders, callers and waiters that the server has ended.
    private func publishEnd(_ result: Result<StopReason, ServerError>) {
        let reason = result.reason
        control.doorbell.close()
        mailbox.close(reason)
        mailbox.ledger.close(reason)
        mailbox.executor.handOver()
        end.resolve(result)
        begun.resolve(())
    }
}
