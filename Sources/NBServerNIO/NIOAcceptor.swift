#if NIO
public import NBServer
public import NIOCore
public import NIOPosix

/// Accepts connections for SwiftNIO's event loops: a server of nb-server's for each loop, all on the same port, hands what it accepts to its
/// own loop.
///
/// ```swift
/// let acceptor = try NIOAcceptor(
///     group: MultiThreadedEventLoopGroup.singleton,
///     listeningOn: listeningAddress(port: 7777),
///     maximumOpen: 10_000
/// ) { channel in
///     channel.eventLoop.makeCompletedFuture {
///         try channel.pipeline.syncOperations.configureHTTPServerPipeline()
///         try channel.pipeline.syncOperations.addHandler(SoupHandler())
///     }
/// }
/// ```
///
/// A connection becomes a channel as with a `ServerBootstrap`: child options are set, the initializer runs, the channel is registered and
/// becomes active, all on its loop. Handlers such as NIOSSL's and the HTTP codecs work unchanged. There is no server channel, so none has a
/// parent. ``NIOAsyncAcceptor`` is the same for async code.
///
/// A server's thread hands over all connections of a turn with one `execute`. Until the loop has taken a connection it is the acceptor's; one
/// that no loop takes is reset and counted. See ``NIOAcceptorCounters``.
///
/// ```
///  init ──▶ ready ── start ──▶ accepting ── drain: channels are told to quiesce, and have some time ──▶ ended
///             └── stop ──▶ ended              ├── stop: channels are closed ─────────────────────────────▲
///                                             └── a loop is shut down, or a server fails: the same ──────┘
/// ```
///
/// Any thread or task. Stop the acceptor before you shut its group down: a loop that is shut down ends the acceptor with an error as soon as
/// the next connection is for it. It goes on if nothing keeps a reference to it.
public final class NIOAcceptor: Sendable {
    let servers: ServerGroup<Feeder>
    let intakes: [LoopIntake]

    /// Binds one address; see ``init(group:listeningOn:maximumOpen:options:observing:bootstrap:initializer:)-(_,[Endpoint],_,_,_,_,_)``.
    public convenience init(
        group: any EventLoopGroup,
        listeningOn endpoint: Endpoint,
        maximumOpen: Int? = nil,
        options: ServerOptions = ServerOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        bootstrap: (ClientBootstrap) -> ClientBootstrap = { $0 },
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) throws(ServerError) {
        try self.init(
            group: group,
            listeningOn: [endpoint],
            maximumOpen: maximumOpen,
            options: options,
            observing: observer,
            bootstrap: bootstrap,
            initializer: initializer
        )
    }

    /// Binds addresses. From now on clients can connect; they wait until the acceptor starts.
    ///
    /// - Parameters:
    ///   - group: the loops: a `MultiThreadedEventLoopGroup`, or one loop of it.
    ///   - endpoints: where to listen; port 0 is one port for all loops.
    ///   - maximumOpen: how many channels may be open at a time: 1 or more, or `nil` for as many as come. It is shared out among the loops
    ///     beforehand; a loop that has its part accepts no more until a channel closes, and those it has accepted by then, a quantum at the
    ///     most, wait. If it is less than the number of loops, only that many loops are used.
    ///   - options: how each loop's server runs. Of an ``ServerOptions/admission``, rules and rates apply as they do elsewhere; its limits of
    ///     what is open do not see channels. `mailboxLimit` is not used.
    ///   - observer: makes what watches a loop's server, if anything does.
    ///   - bootstrap: changes how channels are made: their options. It must set no initializer of its own.
    ///   - initializer: prepares a channel, on its loop. If the future fails, the channel is closed and counted as failed.
    /// - Throws: ``ServerError`` if the group is not of NIO's own loops for sockets, an option is out of its range, or an address is none, is in
    ///   use or not permitted.
    public convenience init(
        group: any EventLoopGroup,
        listeningOn endpoints: [Endpoint],
        maximumOpen: Int? = nil,
        options: ServerOptions = ServerOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        bootstrap: (ClientBootstrap) -> ClientBootstrap = { $0 },
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) throws(ServerError) {
        let parts = try LoopParts(group, maximumOpen)
        let probe = WatchProbe.ifWatchesAreScarce
        try self.init(
            listeningOn: endpoints,
            options: options,
            observing: observer,
            intakes: parts.loops.map { part in
                LoopIntake(part, bootstrap(part.bootstrap), probe: probe, initializer: initializer)
            }
        )
    }

    init(
        listeningOn endpoints: [Endpoint],
        options: ServerOptions,
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        intakes: [LoopIntake]
    ) throws(ServerError) {
        self.intakes = intakes
        var options = options
        // One message at a time, which must arrive.
        options.mailboxLimit = nil
        let collectors = intakes.map { Collector($0) }
        servers = try ServerGroup(
            listening: endpoints,
            options: GroupOptions(shards: intakes.count, server: options),
            observing: { ObserverGroup([collectors[$0.index]] + (observer($0).map { [$0] } ?? [])) },
            behavior: { Feeder(collectors[$0.index]) }
        )
    }

    /// The addresses the acceptor listens on, with the ports the kernel chose.
    public var addresses: [NBServer.SocketAddress] { servers.addresses }

    /// What has become of connections so far, of all loops. Read one after the other while they change: exact once the acceptor has ended.
    public var counters: NIOAcceptorCounters {
        intakes.reduce(into: NIOAcceptorCounters()) { $0.add($1.counters) }
    }

    /// Accepts from now on, on threads of the servers' own, one a loop. An acceptor that was stopped before does not, and that is no error.
    ///
    /// - Throws: ``ServerError`` as ``ServerGroup/start(drainingOn:within:stoppingOn:reporting:)`` does.
    public nonisolated(nonsending) func start() async throws(ServerError) {
        try await servers.start()
    }

    /// Accepts until the acceptor has ended, which a cancellation of the task brings about as ``stop()`` does.
    ///
    /// - Throws: ``ServerError`` as ``start()`` does; or what the acceptor failed with.
    public nonisolated(nonsending) func run() async throws {
        try await start()
        let reason = await withTaskCancellationHandler {
            await waitForEnd()
        } onCancel: {
            requestStop()
        }
        if case .failed(let error) = reason { throw error }
    }

    /// Asks the acceptor to drain, and does not wait; see ``drain(within:)``. Any thread.
    public func requestDrain(within limit: Duration) {
        for intake in intakes { intake.quiesce(within: limit) }
        servers.requestDrain(within: limit)
    }

    /// Accepts the clients that wait, closes the listeners, and has all channels come to an end: each pipeline gets a
    /// `ChannelShouldQuiesceEvent`, as `ServerQuiescingHelper` sends it. Channels that are still open after `limit` are closed.
    ///
    /// - Returns: how many had not ended in time. Everything is closed.
    @discardableResult
    public nonisolated(nonsending) func drain(within limit: Duration) async -> Int {
        requestDrain(within: limit)
        _ = await waitForEnd()
        return intakes.reduce(0) { $0 + $1.unfinished }
    }

    /// Asks the acceptor to stop, and does not wait: channels are closed, and connections that have not become channels are reset. Any thread.
    public func requestStop() {
        servers.requestStop(within: .zero)
    }

    /// Stops: closes the listeners and all channels.
    public nonisolated(nonsending) func stop() async {
        requestStop()
        _ = await waitForEnd()
    }

    /// Waits until nothing is accepted any more and all channels are closed. A channel whose initializer has not come to an end is closed when
    /// it has; that is not waited for when the acceptor stops, or the time of a drain is up.
    ///
    /// - Returns: why it ended; ``StopReason/failed(_:)`` if a server failed or a loop was shut down.
    @discardableResult
    public nonisolated(nonsending) func waitForEnd() async -> StopReason {
        let reason = await servers.waitForEnd()
        // Servers that ran have told it before.
        for intake in intakes { intake.finish(after: reason) }
        for intake in intakes { await intake.end.resolved() }
        return reason
    }
}
#endif
