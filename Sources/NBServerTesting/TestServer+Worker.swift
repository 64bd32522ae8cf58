public import NBServer

extension TestServer where Behavior: ~Copyable {
    /// Begins a server that gives every connection to a worker, as ``Server/init(listening:options:observer:worker:)-(Endpoint,_,_,_)`` does.
    ///
    /// - Parameters:
    ///   - listenerCount: how many listeners there are at first.
    ///   - options: how the server runs. Which engine they ask for has no effect.
    ///   - observer: what observes the server; `nil` for nothing.
    ///   - worker: makes the worker of a connection.
    /// - Throws: ``ServerError`` as ``Server/embed()`` does.
    public convenience init<Worker: ConnectionWorker>(
        listenerCount: Int = 1,
        options: ServerOptions = ServerOptions(),
        observer: (any ServerObserver)? = nil,
        worker: sending @escaping (borrowing Connection) throws -> Worker
    ) throws(ServerError) where Behavior == WorkerServer<Worker> {
        try self.init(WorkerServer(worker), listenerCount: listenerCount, options: options, observer: observer)
    }
}
