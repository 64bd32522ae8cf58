// A server in a loop that is there already.
extension Server where Behavior: ~Copyable {
    /// Serves in turns that the caller makes, without a thread: for a program that has a loop.
    ///
    /// The behavior begins within this call. The calling thread owns the server from then on: it makes every turn, and callbacks run on it.
    /// See ``EmbeddedServer``.
    ///
    /// - Returns: the embedded server, which the caller keeps. If it is dropped early, it resets its connections and ends the server.
    /// - Throws: ``ServerError`` if the server cannot begin, for the reasons of ``run(drainingOn:within:stoppingOn:reporting:)``; with
    ///   ``ServerError/Code/stopped`` if the server was stopped before; with ``ServerError/Code/noExecutor`` if its ``executor`` was asked for; with ``ServerError/Code/outOfResources`` if no descriptor is free.
    public func embed() throws(ServerError) -> EmbeddedServer {
        try expectEmbeddable()
        guard try claim(isPolled: true) else {
            throw ServerError(.stopped, operation: "embed", cure: "the server was stopped before; make another one")
        }
        do throws(ServerError) {
            let loop = try TurnedLoop(takeResources(), control, options)
            noteBegun()
            return EmbeddedServer(loop, control, mailbox.ledger) {
                self.finish($0)
            }
        } catch {
            finish(.failure(error))
            throw error
        }
    }
}
