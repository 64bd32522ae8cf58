/// The behavior of a server that gives every connection to a worker, and has nothing else to do:
/// ``Server/init(listening:options:observer:worker:)-(Endpoint,_,_,_)``.
public struct WorkerServer<Worker: ConnectionWorker>: NonBlockingServer {
    private let make: (borrowing Connection) throws -> Worker

    fileprivate init(_ make: @escaping (borrowing Connection) throws -> Worker) {
        self.make = make
    }

    /// Makes a worker as the closure says.
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
    /// let server = try Server(listening: "127.0.0.1:7007") { _ in Echo() }
    /// ```
    ///
    /// - Parameters:
    ///   - endpoint: where to listen, as in `"127.0.0.1:7007"`.
    ///   - options: how to run.
    ///   - observer: what watches it, if anything does.
    ///   - worker: makes the worker of a connection, on the server's thread; an error it throws costs that connection.
    /// - Throws: ``ServerError`` if an option is out of its range, or the address is none, is in use or not permitted.
    public convenience init<Worker: ConnectionWorker>(
        listening endpoint: Endpoint,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        worker: sending @escaping (borrowing Connection) throws -> Worker
    ) throws(ServerError) where Behavior == WorkerServer<Worker> {
        try self.init(WorkerServer(worker), listening: [endpoint], options: options, observer: observer)
    }

    /// Binds addresses for a server that gives every connection to a worker; see ``init(listening:options:observer:worker:)-(Endpoint,_,_,_)``.
    public convenience init<Worker: ConnectionWorker>(
        listening endpoints: [Endpoint],
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        worker: sending @escaping (borrowing Connection) throws -> Worker
    ) throws(ServerError) where Behavior == WorkerServer<Worker> {
        try self.init(WorkerServer(worker), listening: endpoints, options: options, observer: observer)
    }
}
