internal import NBLibc

/// A connection that has left its server: a descriptor, and what was received on it and nobody has seen.
///
/// A lease, owned by whoever holds it, on any thread: dropped, it closes the descriptor and lets the server it came from
/// know, which may be short of descriptors. That does not wait for the peer, whatever `SO_LINGER` says. A descriptor that came
/// from a server is non-blocking and closed on exec.
public struct ReleasedConnection: ~Copyable, Sendable {
    /// What was received and not delivered.
    public let unread: [UInt8]
    private let lease: Lease

    init(_ descriptor: Int32, unread: [UInt8], onClose: @escaping @Sendable () -> Void) {
        self.unread = unread
        lease = Lease(descriptor, onClose)
    }

    /// A connected stream socket that was accepted elsewhere, to be given to a server; see ``Server/adopt(_:)``. It is made
    /// non-blocking (`O_NONBLOCK`) and closed on exec (`FD_CLOEXEC`), and is closed with this value.
    ///
    /// A TCP connection that its peer has reset already is refused. Other stream sockets may be adopted as well, such as one of
    /// `socketpair(2)`. The kernel knows no reset for Unix sockets: where a server resets a connection, such a socket is closed,
    /// and its peer reads an end of the stream.
    ///
    /// - Parameters:
    ///   - descriptor: of the socket.
    ///   - unread: what was received on it and not acted on.
    /// - Throws: ``ServerError`` with ``ServerError/Code/socket`` if the descriptor is not of a connected stream socket. It
    ///   stays the caller's then, as it was. `getsockopt(2)`, `getpeername(2)`.
    public init(adopting descriptor: Int32, unread: [UInt8] = []) throws(ServerError) {
        try ForeignSocket.expectConnection(descriptor)
        ForeignSocket.setFlags(descriptor)
        self.init(descriptor, unread: unread) {}
    }

    /// The descriptor, to use as long as this value lives, and not to close.
    public var descriptor: Int32 { lease.descriptor }

    /// Gives the descriptor away for good: it is the caller's to close, and the server does not hear of it.
    public consuming func takeDescriptor() -> Int32 {
        lease.isTaken = true
        return lease.descriptor
    }

    /// Changed only by the one owner of the value it belongs to.
    private final class Lease: @unchecked Sendable {
        let descriptor: Int32
        private let onClose: @Sendable () -> Void
        var isTaken = false

        init(_ descriptor: Int32, _ onClose: @escaping @Sendable () -> Void) {
            self.descriptor = descriptor
            self.onClose = onClose
        }

        deinit {
            guard !isTaken else { return }
            // This may be a server's thread, as when the server that was to have the connection has stopped.
            forgetLinger(of: descriptor)
            NBLibc.close(descriptor)
            onClose()
        }
    }
}
