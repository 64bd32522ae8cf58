/// A connected socket that is not the kernel's: a test kit's, on an engine in memory. It answers the calls that the library makes on a
/// socket outside of its loop's engine and calls.
///
/// Owned by the kit. One thread at a time, like the server that it belongs to.
package protocol StandInSocket: AnyObject, Sendable {
    /// The peer's address in the kernel's spelling; `nil` if the connection was reset. `getpeername(2)`.
    var peerAddress: SocketAddress? { get }

    /// The address that the peer connected to. `getsockname(2)`.
    var localAddress: SocketAddress? { get }

    /// Sets a valid option of connections; returns the error number, or 0. `setsockopt(2)`.
    func set(_ option: SocketOption) -> Int32

    /// Closes the socket, which has left its server. `close(2)`.
    func close()
}

extension SocketCalls where Self: ~Copyable {
    /// The kernel has all sockets.
    package var standIn: ((Int32) -> (any StandInSocket)?)? { nil }

    /// The kernel does not have this socket.
    package func adopt(_ socket: (any StandInSocket)?) {
        if socket != nil {
            fatalError("a connection of NBServerTesting is adopted by a server on the kernel: give it to a TestServer")
        }
    }
}
