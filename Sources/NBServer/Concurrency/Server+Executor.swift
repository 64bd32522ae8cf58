// The server's thread, for actors and tasks.
extension Server where Behavior: ~Copyable {
    /// The server's thread as an executor; see ``ServerExecutor``. Any thread, also before the server runs and after its end.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/noExecutor`` if the server is embedded, because its thread is its host's between
    ///   turns. For the same reason ``embed()`` refuses a server that was asked for its executor.
    public var executor: ServerExecutor {
        get throws(ServerError) {
            guard mailbox.executor.noteUse() else {
                let cure =
                    "an embedded server has no executor, since its host has the thread; run it on a thread: start()"
                throw ServerError(.noExecutor, operation: "executor", cure: cure)
            }
            return mailbox.executor
        }
    }

    /// A server whose executor is in use needs a thread of its own.
    func expectEmbeddable() throws(ServerError) {
        guard !mailbox.executor.noteEmbedding() else { return }
        let cure =
            "actors or tasks have the server's executor, which an embedded server lacks; run it on a thread: start()"
        throw ServerError(.noExecutor, operation: "embed", cure: cure)
    }
}
