/// A behavior: what a server does with its connections, written as one value with a few callbacks.
///
/// The library owns the listen sockets, the accept loop and the teardown, and calls back on one thread, one callback at
/// a time; a behavior needs no locks and must not block. It may be a struct, copyable or not, or a class. Only
/// `newConnection`, or `makeWorker`, must be written.
///
/// Every server is also what Erlang calls a gen_server: it is sent calls, which have an answer, and casts, which have none, by
/// ``Server/call(_:within:)`` and ``Server/cast(_:)``.
///
/// ```swift
/// struct NoSoup: NonBlockingServer {
///     mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
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
    /// The calls it can be sent: usually an enum, each case with the ``Caller`` it is to be answered through.
    associatedtype Call: Sendable = Never

    /// The casts it can be sent: usually an enum.
    associatedtype Cast: Sendable = Never

    /// The workers it makes for its connections, if it does; see ``makeWorker(for:in:)``. Workers that cannot be copied are given a
    /// connection by ``ServerContext/assign(_:to:options:)``.
    associatedtype Worker = Never

    /// How connections of its workers receive and send, and their limits; `nil` for what the worker's type says
    /// (``ConnectionWorker/options``). Asked for each connection that `makeWorker` makes a worker for.
    var workerOptions: WorkerOptions? { get }

    /// The server is about to accept. Its sockets are bound and clients can connect already; they wait.
    ///
    /// - Parameter context: the server, for the length of this call.
    /// - Returns: how to go on. ``Verdict/stop`` declines, for which Erlang's word is `ignore`: the server ends before it began,
    ///   without `terminate`, and whoever started it is thrown a ``ServerError`` with ``ServerError/Code/declined``.
    /// - Throws: any error; the server ends in the same way, with ``ServerError/Code/beginFailed``.
    mutating func begin(_ context: borrowing ServerContext) throws -> Verdict

    /// A connection has been accepted.
    ///
    /// - Parameters:
    ///   - connection: the connection, owned by the callee: dropped, it sends what was queued and closes.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error; it costs this connection, which is closed unless the behavior has stored it, and is reported to
    ///   `handleInfo`.
    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict

    /// Makes the worker of a connection that has been accepted. A server that makes workers need not write `newConnection`; one
    /// that does decides there what becomes of a connection: ``ServerContext/assign(_:to:options:)`` gives it to a worker.
    ///
    /// - Parameters:
    ///   - connection: the connection that is to be the worker's.
    ///   - context: the server, for the length of this call.
    /// - Returns: the worker.
    /// - Throws: any error, as `newConnection` does.
    mutating func makeWorker(
        for connection: borrowing Connection,
        in context: borrowing ServerContext
    ) throws -> Worker

    /// Somebody calls and waits for an answer, which may be given now, later, or by somebody else; see ``Caller``.
    ///
    /// - Parameters:
    ///   - call: what is asked, and by whom.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error; it stops the server with that reason, which the caller hears as well.
    mutating func handleCall(_ call: Call, in context: borrowing ServerContext) throws -> Verdict

    /// Somebody has sent a message that wants no answer.
    ///
    /// - Parameters:
    ///   - cast: the message.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error; it stops the server with that reason.
    mutating func handleCast(_ cast: Cast, in context: borrowing ServerContext) throws -> Verdict

    /// The step that a verdict asked for with ``Verdict/handleContinue``; nothing has come in between.
    ///
    /// - Parameter context: the server, for the length of this call.
    /// - Returns: how to go on; with the same verdict, another step follows at once.
    /// - Throws: any error; it stops the server with that reason.
    mutating func handleContinue(_ context: borrowing ServerContext) throws -> Verdict

    /// The library itself has something to say: about a listener, a connection, a timer, a signal.
    ///
    /// - Parameters:
    ///   - info: what happened.
    ///   - context: the server, for the length of this call.
    /// - Returns: how to go on.
    /// - Throws: any error; it stops the server as ``Verdict/stop(_:)`` does.
    mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict

    /// The server has stopped: every listener is closed, and no other callback follows. Connections that end with the
    /// behavior, and kept ones, are then sent out and closed; those that somebody else still holds are reset.
    ///
    /// - Parameters:
    ///   - reason: why.
    ///   - context: the server, for the length of this call.
    consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext)
}

extension NonBlockingServer where Self: ~Copyable {
    /// What the worker's type says.
    public var workerOptions: WorkerOptions? { nil }

    /// Goes on.
    public mutating func begin(_ context: borrowing ServerContext) throws -> Verdict { .continue }

    /// Goes on.
    public mutating func handleContinue(_ context: borrowing ServerContext) throws -> Verdict { .continue }

    /// Goes on. What happened is in ``ServerContext/counters`` as well.
    public mutating func handleInfo(_ info: ServerInfo, in context: borrowing ServerContext) throws -> Verdict {
        .continue
    }

    /// Drops the behavior.
    public consuming func terminate(_ reason: StopReason, in context: borrowing ServerContext) {}
}

extension NonBlockingServer where Self: ~Copyable, Call == Never {
    /// Never called: there is no such call.
    public mutating func handleCall(_ call: Never, in context: borrowing ServerContext) throws -> Verdict {}
}

extension NonBlockingServer where Self: ~Copyable, Cast == Never {
    /// Never called: there is no such cast.
    public mutating func handleCast(_ cast: Never, in context: borrowing ServerContext) throws -> Verdict {}
}

extension NonBlockingServer where Self: ~Copyable, Worker == Never {
    /// Never called: there are no workers.
    public mutating func makeWorker(
        for connection: borrowing Connection,
        in context: borrowing ServerContext
    ) throws -> Never {
        fatalError("this server makes no workers")
    }
}

extension NonBlockingServer where Self: ~Copyable, Worker: ConnectionWorker {
    /// Gives the connection to a worker.
    public mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        let worker = try makeWorker(for: connection, in: context)
        _ = context.give(connection, to: worker, options: workerOptions)
        return .continue
    }
}
