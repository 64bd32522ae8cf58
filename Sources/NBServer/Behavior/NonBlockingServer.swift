/// A behavior: what a server does with its connections, written as one value with a few callbacks.
///
/// The library owns the listen sockets, the accept loop and the teardown, and calls back on one thread, one callback at
/// a time; a behavior needs no locks and must not block. It may be a struct, copyable or not, or a class. Only
/// `newConnection` must be written.
///
/// ```swift
/// struct NoSoup: NonBlockingServer {
///     mutating func newConnection(_ connection: consuming Connection, _ context: borrowing ServerContext) -> Verdict {
///         connection.send("No soup for you!\n")
///         return .continue
///     }
/// }
/// ```
///
/// ```
///  begin ──▶ newConnection, handleInfo … ──▶ terminate
/// ```
public protocol NonBlockingServer: SendableMetatype, ~Copyable {
    /// Options of every listen socket of this server; see ``SocketOption`` for what connections inherit. Asked once, by
    /// ``Server/init(_:listening:options:)-(_,[Endpoint],_)``, on the thread that calls it.
    var socketOptions: [SocketOption] { get }

    /// The server is about to accept. Its sockets are bound and clients can connect already; they wait.
    ///
    /// - Parameter context: the server, for the length of this call.
    /// - Throws: an error to decline: the server ends before it began, without `terminate`, and whoever started it is thrown a
    ///   ``ServerError`` with ``ServerError/Code/declined``.
    mutating func begin(_ context: borrowing ServerContext) throws

    /// A connection has been accepted.
    ///
    /// - Parameters:
    ///   - connection: the connection, owned by the callee: dropped, it sends what was queued and closes.
    ///   - context: the server, for the length of this call.
    /// - Returns: whether to go on.
    /// - Throws: any error; it costs this connection, which is closed unless the behavior has stored it, and is reported to
    ///   `handleInfo`.
    mutating func newConnection(
        _ connection: consuming Connection,
        _ context: borrowing ServerContext
    ) throws -> Verdict

    /// A listener parked, sheds its clients, recovered or went down, or `newConnection` threw.
    ///
    /// - Parameters:
    ///   - info: what happened.
    ///   - context: the server, for the length of this call.
    /// - Returns: whether to go on.
    /// - Throws: any error; it stops the server as ``Verdict/stop(_:)`` does.
    mutating func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict

    /// The server has stopped: every listener is closed, and no other callback follows. Connections that end with the
    /// behavior, and kept ones, are then sent out and closed; those that somebody else still holds are reset.
    ///
    /// - Parameters:
    ///   - reason: why.
    ///   - context: the server, for the length of this call.
    consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext)
}

extension NonBlockingServer where Self: ~Copyable {
    /// No options beyond the defaults.
    public var socketOptions: [SocketOption] { [] }

    /// Does nothing.
    public mutating func begin(_ context: borrowing ServerContext) throws {}

    /// Goes on. What happened is in ``ServerContext/counters`` as well.
    public mutating func handleInfo(_ info: ServerInfo, _ context: borrowing ServerContext) throws -> Verdict {
        .continue
    }

    /// Drops the behavior.
    public consuming func terminate(_ reason: StopReason, _ context: borrowing ServerContext) {}
}
