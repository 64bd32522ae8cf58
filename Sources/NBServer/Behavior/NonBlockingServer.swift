/// A behavior: what a server does with its connections, as one value with a few callbacks.
///
/// The library owns the listen sockets, the accept loop and the teardown. It calls the behavior back on the server's thread, one callback
/// at a time. A behavior needs no locks and must not block. A behavior may be a struct, copyable or not, or a class. Only `newConnection`
/// or `makeWorker` is required.
///
/// Every server is also what Erlang calls a gen_server. ``Server/call(_:within:)`` sends a call, which has an answer. ``Server/cast(_:)``
/// sends a cast, which has none.
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
/// ```
///
/// ```
///  begin ──▶ newConnection, handleCall, handleCast, handleInfo, handleContinue … ──▶ terminate
/// ```
public protocol NonBlockingServer: SendableMetatype, ~Copyable {
    /// The calls that can be sent to the server. Usually an enum; each case carries the ``Caller`` to reply to.
    associatedtype Call: Sendable = Never

    /// The casts that can be sent to the server. Usually an enum.
    associatedtype Cast: Sendable = Never

    /// The type of worker that ``makeWorker(for:in:)`` makes. Leave it out if the behavior makes none.
    /// ``ServerContext/assign(_:to:options:)`` gives a connection to a worker of any type, also to one that cannot be copied.
    associatedtype Worker = Never

    /// The options of the connections that `makeWorker` makes workers for. `nil` means the options of the worker's type,
    /// ``ConnectionWorker/options``. Read once for each such connection.
    var workerOptions: WorkerOptions? { get }

    /// Called once, before the first connection. The engine is made and the sockets are bound. Clients can connect already, and wait.
    ///
    /// - Parameter context: the server, for the length of this call.
    /// - Returns: how to go on. ``Verdict/stop`` declines (Erlang's `ignore`): the server ends without `terminate`, and `run` and `start`
    ///   throw ``ServerError`` with ``ServerError/Code/declined``.
    /// - Throws: any error. The server ends in the same way, with ``ServerError/Code/beginFailed``.
    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict

    /// Called once for each accepted connection.
    ///
    /// - Parameters:
    ///   - connection: the connection, owned by the callee. When it is dropped, the server sends what is queued and closes.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error. It costs this connection only, which is closed unless the behavior has stored it. `handleInfo` hears
    ///   ``ServerInfo/connectionFailed(_:_:)``.
    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict

    /// Makes the worker of an accepted connection. A behavior that makes workers needs no `newConnection`. A behavior that has a
    /// `newConnection` decides there, and ``ServerContext/assign(_:to:options:)`` gives the connection to a worker.
    ///
    /// - Parameters:
    ///   - connection: the connection that the worker will own.
    ///   - context: the server, for the length of this call.
    /// - Returns: the worker.
    /// - Throws: any error, with the same effect as in `newConnection`.
    mutating func makeWorker(
        for connection: borrowing Connection,
        in context: borrowing ServerContext
    ) throws -> Worker

    /// Handles a call. The reply may be given now, later, or by another thread; see ``Caller``.
    ///
    /// - Parameters:
    ///   - call: the call, which carries its ``Caller``.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error. It stops the server with that reason, which the caller gets as well.
    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) throws -> Verdict

    /// Handles a cast, a message that wants no answer.
    ///
    /// - Parameters:
    ///   - cast: the message.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error. It stops the server with that reason.
    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict

    /// Does the step that a verdict asked for with ``Verdict/handleContinue``. No other callback runs between that verdict and this call.
    ///
    /// - Parameter context: the server, for the length of this call.
    /// - Returns: how to go on. The same verdict makes another step follow at once.
    /// - Throws: any error. It stops the server with that reason.
    mutating func handleContinue(_ context: borrowing ServerContext) throws -> Verdict

    /// Hears what the library reports: about a listener, a connection, a timer, a signal, a drain.
    ///
    /// - Parameters:
    ///   - info: what happened.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error. It stops the server with that reason.
    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict

    /// Called once and last, when every listener is closed. Not called if `begin` failed or declined.
    ///
    /// Afterwards, connections that end with the behavior, and kept ones, are sent what is queued and closed. Connections that other code
    /// still holds are reset.
    ///
    /// - Parameters:
    ///   - reason: why the server stopped.
    ///   - context: the server, for the length of this call.
    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext)
}

extension NonBlockingServer where Self: ~Copyable {
    /// `nil`: the options of the worker's type.
    @inlinable
    public var workerOptions: WorkerOptions? { nil }

    /// Returns ``Verdict/continue``.
    public mutating func begin(_ context: borrowing ServerContext) throws -> Verdict { .continue }

    /// Returns ``Verdict/continue``.
    public mutating func handleContinue(_ context: borrowing ServerContext) throws -> Verdict { .continue }

    /// Returns ``Verdict/continue``. ``ServerContext/counters`` counts what happened all the same.
    public mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        .continue
    }

    /// Drops the behavior.
    public consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {}
}

extension NonBlockingServer where Self: ~Copyable, Call == Never {
    /// Never called, because the behavior has no calls.
    public mutating func handleCall(_ call: Never, in context: borrowing ServerContext) throws -> Verdict {}
}

extension NonBlockingServer where Self: ~Copyable, Cast == Never {
    /// Never called, because the behavior has no casts.
    public mutating func handleCast(_ cast: Never, in context: borrowing ServerContext) throws -> Verdict {}
}

extension NonBlockingServer where Self: ~Copyable, Worker == Never {
    /// Never called, because the behavior makes no workers.
    public mutating func makeWorker(
        for connection: borrowing Connection,
        in context: borrowing ServerContext
    ) throws -> Never {
        fatalError("this server makes no workers")
    }
}

extension NonBlockingServer where Self: ~Copyable, Worker: ConnectionWorker {
    /// Gives the connection to the worker that `makeWorker` makes.
    @inlinable
    public mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        // In the behavior's module, where the compiler sees whether it has options of its own: they are a large value to pass.
        let worker = try makeWorker(for: connection, in: context)
        if let options = workerOptions {
            context.give(connection, to: worker, options: options)
        } else {
            context.give(connection, to: worker)
        }
        return .continue
    }
}
