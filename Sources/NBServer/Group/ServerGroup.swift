/// Servers that share a port: one shard for each processor, each with a thread, an engine and listeners of its own.
///
/// ```swift
/// import NBServer
///
/// struct NoSoup: NonBlockingServer {
///     func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
///         connection.send("No soup for you!\n")
///         return .continue
///     }
/// }
///
/// let group = try ServerGroup(listening: "0.0.0.0:7777") { shard in NoSoup() }
/// try group.run(drainingOn: [.terminate], stoppingOn: [.interrupt])
/// ```
///
/// The kernel distributes clients over the shards by their addresses (`SO_REUSEPORT`, `socket(7)`). A shard serves its clients from accept
/// to end, on its own thread. Shards share nothing but the port and the account of their ends, so a connection costs what it costs a single
/// server. A shard is a ``Server``; ``shards`` has them.
///
/// ```
///  init ──▶ ready ── start, run, embed(shard:) ──▶ running ── a stop, a drain; a shard that fails, or stops by itself ──▶ stopped
///             └── stop ──▶ cancelled
/// ```
///
/// A shard that ends takes the others with it, unless it has drained: a group does not go on while a part of its clients is turned away.
/// Restarting is for the process's supervisor.
public final class ServerGroup<Behavior: NonBlockingServer & ~Copyable>: Sendable {
    /// The servers, in the order of ``Shard/index``.
    ///
    /// Run, stop and drain the group, and change listeners, with the group's methods. A single shard that did so would listen on one
    /// address less than the others, or end them all.
    public let shards: [Server<Behavior>]

    private let processors: [Int?]
    let groupEnd: GroupEnd
    private let life = Lock(Life.ready)

    private enum Life {
        case ready, running, cancelled
    }

    /// The addresses that the group listens on now, with the ports that the kernel chose: those of its first shard.
    public var addresses: [SocketAddress] { shards[0].addresses }

    /// Binds one address for a group; see ``init(listening:options:observing:behavior:)``.
    public convenience init(
        listening endpoint: Endpoint,
        options: GroupOptions = GroupOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        behavior: (Shard) -> sending Behavior
    ) throws(ServerError) {
        try self.init(listening: [endpoint], options: options, observing: observer, behavior: behavior)
    }

    /// Makes a group's servers, and binds addresses for each. From now on clients can connect. They wait until the group runs.
    ///
    /// Any program of the same user may join the port (`SO_REUSEPORT`). A program that listens there already with that option is no error,
    /// and takes its share of the clients.
    ///
    /// - Parameters:
    ///   - endpoints: the addresses to listen on. Port 0 is one port for all shards. The list may be empty: listeners can be added later.
    ///   - options: how many shards, and how they run.
    ///   - observer: makes the observer of a shard, or returns `nil`. Called here, once for each shard.
    ///   - behavior: makes a shard's behavior. Called here, once for each shard, in order.
    /// - Throws: ``ServerError``, like a server; with ``ServerError/Code/outOfResources`` if the shards together do not fit into this
    ///   process's limits of descriptors or locked memory. Nothing stays bound then.
    public init(
        listening endpoints: [Endpoint],
        options: GroupOptions = GroupOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        behavior: (Shard) -> sending Behavior
    ) throws(ServerError) {
        try options.expectValid()
        // Looked at only where it counts: it reads files.
        lazy var processors = Processors()
        let count = options.shards ?? processors.usableCount
        try GroupBudget(shards: count, listeners: endpoints.count, options: options.server).expectToFit()
        var serverOptions = options.server
        serverOptions.socketOptions.append(.reusePort(true))
        var endpoints = endpoints
        var shards: [Server<Behavior>] = []
        var pinned: [Int?] = []
        for index in 0..<count {
            let processor = options.isPinned ? processors.allowed[index % processors.allowed.count] : nil
            let shard = Shard(index: index, count: count, processor: processor)
            do throws(ServerError) {
                shards.append(
                    try Server(
                        behavior(shard),
                        listening: endpoints,
                        options: serverOptions,
                        observer: observer(shard)
                    )
                )
            } catch {
                throw error.ofShard(index)
            }
            pinned.append(processor)
            // The others share the ports that the kernel chose for the first.
            if index == 0 { endpoints = shards[0].addresses.map { Endpoint($0.description) } }
        }
        self.shards = shards
        self.processors = pinned
        groupEnd = GroupEnd(shards: count)
    }
}

// Running.
extension ServerGroup where Behavior: ~Copyable {
    /// Serves on the shards' threads until the group ends. The calling thread waits.
    ///
    /// Every shard gets each signal; see ``Server/run(drainingOn:within:stoppingOn:reporting:)``.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the group.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the group.
    ///   - reporting: the signals that the behaviors hear of. They neither drain nor stop the group, even if they are in another list as
    ///     well.
    /// - Returns: why the group stopped: the first failure, else the reason of the first shard that was not drained, else the drains of all
    ///   shards together. Everything is closed, and every `terminate` has run.
    /// - Throws: ``ServerError``, like ``start(drainingOn:within:stoppingOn:reporting:)``; or the later failure of a shard, which it names
    ///   by number; or if a signal cannot be handled.
    @available(*, noasync, message: "it would block the task's thread; use start()")
    @discardableResult
    public func run(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) throws(ServerError) -> StopReason {
        try startBlocking(drainingOn: draining, within: limit, stoppingOn: stopping, reporting: reporting)
        return try groupEnd.outcome.wait().get()
    }

    /// Serves on threads of the shards' own, which live as long as the group runs. Returns when every behavior has begun, one after the
    /// other.
    ///
    /// A group that was stopped before does not run; `start` returns without an error. The group runs on if nothing references it.
    ///
    /// - Parameters:
    ///   - draining: the signals that drain the group; see ``run(drainingOn:within:stoppingOn:reporting:)``.
    ///   - limit: how long connections have to end in that drain.
    ///   - stopping: the signals that stop the group.
    ///   - reporting: the signals that the behaviors hear of.
    /// - Throws: ``ServerError`` if a shard cannot begin; the error names the shard. The other shards have ended by then, and nothing stays
    ///   open. ``waitForEnd()`` tells of a later failure.
    public nonisolated(nonsending) func start(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) async throws(ServerError) {
        let roles = SignalRoles(draining: draining, within: limit, stopping: stopping, reporting: reporting)
        guard try begin(handling: roles) else { return }
        for index in shards.indices {
            do throws(ServerError) {
                guard try startThread(of: index) else { continue }
                await shards[index].begun.resolved()
                try shards[index].expectBegun()
            } catch {
                requestStop(within: .zero)
                _ = await groupEnd.outcome.resolved()
                throw error.ofShard(index)
            }
        }
    }

    /// Serves on threads of the shards' own, for code that may block. Otherwise use ``start(drainingOn:within:stoppingOn:reporting:)``.
    ///
    /// - Throws: ``ServerError``, like ``start(drainingOn:within:stoppingOn:reporting:)``.
    @available(*, noasync, message: "it would block the task's thread; use start()")
    public func startBlocking(
        drainingOn draining: [Signal] = [],
        within limit: Duration = .seconds(30),
        stoppingOn stopping: [Signal] = [],
        reporting: [Signal] = []
    ) throws(ServerError) {
        let roles = SignalRoles(draining: draining, within: limit, stopping: stopping, reporting: reporting)
        guard try begin(handling: roles) else { return }
        for index in shards.indices {
            do throws(ServerError) {
                guard try startThread(of: index) else { continue }
                shards[index].begun.wait()
                try shards[index].expectBegun()
            } catch {
                requestStop(within: .zero)
                _ = groupEnd.outcome.wait()
                throw error.ofShard(index)
            }
        }
    }

    private func startThread(of index: Int) throws(ServerError) -> Bool {
        try shards[index].startThread(named: "nb-shard-\(index)", onProcessor: processors[index])
    }

    /// The group runs from now on; `false` if it was stopped before. The signals are handled until it ends.
    private func begin(handling roles: SignalRoles) throws(ServerError) -> Bool {
        switch begin() {
        case .ready: break
        case .cancelled: return false
        case .running: throw ServerError(.alreadyRan, operation: "run", cure: "a group runs once; make another one")
        }
        guard !roles.isEmpty else { return true }
        do throws(ServerError) {
            let relay = try SignalRelay(roles, for: shards.map(\.control))
            groupEnd.outcome.whenResolved { _ in extendLifetime(relay) }
        } catch {
            requestStop()
            throw error
        }
        return true
    }

    /// Makes one shard the calling thread's, to be turned by a loop of the caller's; see ``Server/embed()``. Each shard is embedded
    /// separately, on a thread of its own, or several on one thread. ``GroupOptions/isPinned`` has no effect on embedded shards.
    ///
    /// - Throws: ``ServerError``, like ``Server/embed()``. The group stops then if the behavior could not begin.
    /// - Precondition: `shard` is from 0 to the number of shards, less one.
    public func embed(shard: Int) throws(ServerError) -> EmbeddedServer {
        _ = begin()
        do throws(ServerError) {
            return try shards[shard].embed()
        } catch {
            throw error.ofShard(shard)
        }
    }

    /// The group runs from now on, unless it was stopped before; returns what it was.
    private func begin() -> Life {
        let before = life.withLock { life in
            defer { if life == .ready { life = .running } }
            return life
        }
        if before == .ready { watchEnds() }
        return before
    }

    /// From now on the end of one shard is that of all. Each holds the group until it has ended.
    private func watchEnds() {
        let mailboxes = shards.map(\.mailbox)
        for (index, shard) in shards.enumerated() {
            // Until the shard has ended: the mailboxes refer to each other by this.
            shard.control.whenListenerCloses {
                for other in mailboxes.indices where other != index {
                    // One that has stopped has no listeners.
                    try? mailboxes[other].put(.request { $0.lookAtQueues() })
                }
            }
            shard.end.whenResolved { [control = shard.control] result in
                control.whenListenerCloses(nil)
                if self.groupEnd.note(result, of: index) { self.requestStop() }
            }
        }
    }

    /// Sees to it that a group that does not run yet never will.
    func cancel() -> Bool {
        let isReady = life.withLock { life in
            guard life == .ready else { return false }
            life = .cancelled
            return true
        }
        guard isReady else { return false }
        for shard in shards { _ = shard.cancel() }
        groupEnd.cancel()
        return true
    }
}
