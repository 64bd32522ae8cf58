/// What the server does with a connection. It cannot receive yet, so a client says what it wants by the port it
/// connects to: a server has a listener for each.
enum Treatment: Int, CaseIterable, Sendable {
    /// Greets and closes.
    case greet
    /// Greets, sends the ``Payload`` and closes.
    case pour
    /// Greets and gives the connection to the echo, in which the client gets its identity back.
    case echo
    /// Greets and keeps the connection.
    case hold
    /// Throws, which costs the connection.
    case fail
    /// Resets.
    case reset
    /// Sends a line to all that are held, then greets.
    case wave
    /// Closes all that are held, then greets.
    case dismiss
    /// Greets with everything that the server has counted, this connection included.
    case report
}
