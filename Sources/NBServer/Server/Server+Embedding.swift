// A server in a loop that is there already.
extension Server where Behavior: ~Copyable {
    /// Serves in turns that the caller makes, without a thread: for a program that has a loop.
    ///
    /// The behavior begins within this call. The calling thread is the server's from then on: it makes every turn, and callbacks run on
    /// it. See ``EmbeddedServer``.
    ///
    /// - Returns: what is to be turned. The caller keeps it; dropped early, it resets its connections and ends the server.
    /// - Throws: ``ServerError`` as ``run(drainingOn:within:stoppingOn:reporting:)`` does until the behavior has begun; with ``ServerError/Code/stopped`` if the server was
    ///   stopped before, with ``ServerError/Code/noExecutor`` if its ``executor`` was asked for, and with
    ///   ``ServerError/Code/outOfResources`` if there is no descriptor to be had.
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
