#if NIO
public import NBServer
public import NIOCore
public import NIOPosix

/// A ``NIOAcceptor`` for async code: each connection is a `NIOAsyncChannel`, or whatever else its initializer makes of it, and has a task of
/// its own.
///
/// ```swift
/// let acceptor = try NIOAsyncAcceptor(
///     group: MultiThreadedEventLoopGroup.singleton,
///     listeningOn: listeningAddress(port: 7007),
///     maximumOpen: 1000
/// ) { channel in
///     channel.eventLoop.makeCompletedFuture {
///         try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
///     }
/// }
/// try await acceptor.run { channel in
///     try? await channel.executeThenClose { inbound, outbound in
///         for try await bytes in inbound { try await outbound.write(bytes) }
///     }
/// }
/// ```
///
/// Back-pressure is by number: at `maximumOpen` clients wait to be accepted. Any task.
public final class NIOAsyncAcceptor<Output: Sendable>: Sendable {
    private let acceptor: NIOAcceptor
    private let outputs: OutputQueue<Output>

    /// Binds one address; see ``init(group:listeningOn:maximumOpen:options:observing:bootstrap:initializer:)-(_,[Endpoint],_,_,_,_,_)``.
    public convenience init(
        group: any EventLoopGroup,
        listeningOn endpoint: Endpoint,
        maximumOpen: Int? = nil,
        options: ServerOptions = ServerOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        bootstrap: (ClientBootstrap) -> ClientBootstrap = { $0 },
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
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

    /// Binds addresses. From now on clients can connect; they wait until the acceptor runs.
    ///
    /// - Parameters: as of ``NIOAcceptor``'s initializer; what `initializer` makes of a channel is handed to ``run(_:)``.
    /// - Throws: ``ServerError`` as ``NIOAcceptor``'s initializer does.
    public init(
        group: any EventLoopGroup,
        listeningOn endpoints: [Endpoint],
        maximumOpen: Int? = nil,
        options: ServerOptions = ServerOptions(),
        observing observer: (Shard) -> (any ServerObserver)? = { _ in nil },
        bootstrap: (ClientBootstrap) -> ClientBootstrap = { $0 },
        initializer: @escaping @Sendable (any Channel) -> EventLoopFuture<Output>
    ) throws(ServerError) {
        let outputs = OutputQueue<Output>()
        self.outputs = outputs
        acceptor = try NIOAcceptor(
            group: group,
            listeningOn: endpoints,
            maximumOpen: maximumOpen,
            options: options,
            observing: observer,
            bootstrap: bootstrap
        ) { channel in
            initializer(channel).map { outputs.append($0) }
        }
    }

    /// The addresses the acceptor listens on, with the ports the kernel chose.
    public var addresses: [NBServer.SocketAddress] { acceptor.addresses }

    /// What has become of connections so far.
    public var counters: NIOAcceptorCounters { acceptor.counters }

    /// Accepts, and calls `handler` for each connection in a child task, until the acceptor has ended and every handler has returned.
    ///
    /// If the task is cancelled, the acceptor stops: channels are closed, and the handlers' tasks are cancelled. ``requestDrain(within:)`` ends
    /// it gently. What an initializer has made is always handed to a handler, also after a stop, since a `NIOAsyncChannel` must not be dropped.
    ///
    /// - Throws: ``ServerError`` as ``NIOAcceptor/start()`` does; or what the acceptor failed with.
    public nonisolated(nonsending) func run(_ handler: @escaping @Sendable (Output) async -> Void) async throws {
        try await acceptor.start()
        let (acceptor, outputs) = (acceptor, outputs)
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await acceptor.waitForEnd()
                    outputs.finish(handler)
                }
                while let output = await outputs.next() { group.addTask { await handler(output) } }
            }
        } onCancel: {
            acceptor.requestStop()
        }
        if case .failed(let error) = await acceptor.waitForEnd() { throw error }
    }

    /// Asks the acceptor to drain, and does not wait; see ``NIOAcceptor/drain(within:)``. ``run(_:)`` returns when all handlers have. Any
    /// thread.
    public func requestDrain(within limit: Duration) { acceptor.requestDrain(within: limit) }

    /// Asks the acceptor to stop, and does not wait; see ``NIOAcceptor/requestStop()``. Any thread.
    public func requestStop() { acceptor.requestStop() }
}
#endif
