/// What can be made to fail; see ``TestServer/fail(_:with:times:)``.
public enum TestOperation: Hashable, Sendable, CaseIterable {
    /// The next client's accept. With `EMFILE` the listener parks.
    case accept
    /// The next send. With `ECONNRESET` its connection is lost.
    case send
    /// The next receive for which there are bytes.
    case receive
    /// The next listener that the server adds.
    case listen
    /// The next option that the server sets on a connection.
    case setOption
}
