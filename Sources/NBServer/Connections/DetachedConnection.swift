internal import NBLibc
internal import Synchronization

/// A connection that has left its server: a descriptor, and the bytes that were received and not delivered.
///
/// The object may be kept and shared, on any thread. ``take()`` gives the descriptor away, once. If the last reference is dropped before
/// that, the descriptor is closed, and a server that the connection came from learns that a descriptor is free. That close does not wait
/// for the peer, whatever `SO_LINGER` says.
public final class DetachedConnection: Sendable {
    let descriptor: Int32
    let unread: [UInt8]
    /// The socket, if it is not the kernel's.
    let standIn: (any StandInSocket)?
    private let onClose: @Sendable () -> Void
    private let isTaken = Atomic(false)

    /// A descriptor that its server does not know any more, or one of another kind of socket.
    package init(
        _ descriptor: Int32,
        unread: [UInt8],
        standIn: (any StandInSocket)? = nil,
        onClose: @escaping @Sendable () -> Void
    ) {
        self.descriptor = descriptor
        self.unread = unread
        self.standIn = standIn
        self.onClose = onClose
    }

    /// A connected stream socket that other code accepted, for ``Server/adopt(_:)``. The socket is made non-blocking (`O_NONBLOCK`) and
    /// closed on exec (`FD_CLOEXEC`).
    ///
    /// A TCP connection that its peer has reset already is refused. Other stream sockets may be adopted as well, such as one of
    /// `socketpair(2)`. Unix sockets have no reset: where a server resets a connection, such a socket is closed, and its peer reads an end
    /// of the stream.
    ///
    /// - Parameters:
    ///   - descriptor: the socket's descriptor.
    ///   - unread: bytes that were received on the socket and not handled.
    /// - Throws: ``ServerError`` with ``ServerError/Code/socket`` if the descriptor is not that of a connected stream socket. The
    ///   descriptor stays the caller's then, unchanged. `getsockopt(2)`, `getpeername(2)`.
    public convenience init(adopting descriptor: Int32, unread: [UInt8] = []) throws(ServerError) {
        try ForeignSocket.expectConnection(descriptor)
        ForeignSocket.setFlags(descriptor)
        self.init(descriptor, unread: unread) {}
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        if let standIn {
            standIn.close()
        } else {
            // This may be a server's thread.
            forgetLinger(of: descriptor)
            NBLibc.close(descriptor)
        }
        onClose()
    }

    /// Gives the connection to the caller, who closes the descriptor. The server that it came from does not hear of that. A descriptor that
    /// came from a server is non-blocking and closed on exec.
    ///
    /// - Returns: the descriptor, and the bytes that were received and not delivered. These come before everything that the caller reads.
    ///   `nil` if the connection was taken before.
    public func take() -> (descriptor: Int32, unread: [UInt8])? {
        isTaken.exchange(true, ordering: .relaxed) ? nil : (descriptor, unread)
    }

    /// Lends the descriptor for calls such as `setsockopt(2)`. `body` must not close it.
    ///
    /// - Returns: the value that `body` returns; `nil` if the connection was taken.
    public func withDescriptor<Value, Failure>(_ body: (Int32) throws(Failure) -> Value) throws(Failure) -> Value? {
        guard !wasTaken else { return nil }
        return try body(descriptor)
    }

    /// Whether ``take()`` was called.
    var wasTaken: Bool { isTaken.load(ordering: .relaxed) }
}
