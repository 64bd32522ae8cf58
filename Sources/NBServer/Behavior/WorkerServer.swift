/// The behavior of a server that gives every connection to a worker and does nothing else.
/// ``Server/init(listening:options:observer:worker:)-(Endpoint,_,_,_)`` makes it.
public struct WorkerServer<Worker: ConnectionWorker>: NonBlockingServer {
    private let make: (borrowing Connection) throws -> Worker

    package init(_ make: @escaping (borrowing Connection) throws -> Worker) {
        self.make = make
    }

    /// Calls the closure that makes a worker.
    public mutating func makeWorker(
        for connection: borrowing Connection,
        in context: borrowing ServerContext
    ) throws -> Worker {
        try make(connection)
    }
}

extension Server {
    /// Binds an address for a server that gives every connection to a worker.
    ///
    /// ```swift
    /// import NBServer
    ///
    /// struct Echo: ConnectionWorker {
    ///     func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
    /// }
    ///
    /// let server = try Server(listening: "127.0.0.1:7007") { _ in Echo() }
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: the address to listen on, as in `"127.0.0.1:7007"`.
    ///   - options: how the server runs.
    ///   - observer: what observes the server; `nil` for nothing.
    ///   - worker: makes the worker of a connection, on the server's thread. An error that it throws costs this connection only.
    /// - Throws: ``ServerError`` if an option is out of its range, or the address is invalid, in use or not permitted.
    public convenience init<Worker: ConnectionWorker>(
        listening endpoint: Endpoint,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        worker: sending @escaping (borrowing Connection) throws -> Worker
    ) throws(ServerError) where Behavior == WorkerServer<Worker> {
        try self.init(WorkerServer(worker), listening: [endpoint], options: options, observer: observer)
    }

    /// Binds addresses for a server that gives every connection to a worker; see
    /// ``init(listening:options:observer:worker:)-(Endpoint,_,_,_)``.
    public convenience init<Worker: ConnectionWorker>(
        listening endpoints: [Endpoint],
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        worker: sending @escaping (borrowing Connection) throws -> Worker
    ) throws(ServerError) where Behavior == WorkerServer<Worker> {
        try self.init(WorkerServer(worker), listening: endpoints, options: options, observer: observer)
    }
}
