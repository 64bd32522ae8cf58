internal import NBLibc

/// A bound, listening socket.
///
/// Made before the loop starts, when making it may block, or in the loop's thread, when it may not. Owned by the server
/// until it runs, then by its loop, which closes it when the listener goes down, is removed, or the server stops. Closing a
/// listening socket does not wait.
package final class ListenSocket {
    package let descriptor: Int32
    /// The address the kernel bound it to.
    let address: SocketAddress

    private var isOpen = true
    private let closeDescriptor: (Int32) -> Void

    /// Makes, binds and listens, or fails at once.
    init(_ wanted: SocketAddress, options: [SocketOption]) throws(ServerError) {
        (descriptor, address) = try Self.listen(on: wanted, options)
        closeDescriptor = Self.closer(of: descriptor)
    }

    /// Makes, binds and listens.
    ///
    /// An address in use is tried again for half a second: a server that was killed has its sockets, and its ring the
    /// accepts armed on them, until some milliseconds after its end.
    init(_ endpoint: Endpoint, options: [SocketOption]) throws(ServerError) {
        (descriptor, address) = try Self.listening(on: try endpoint.resolved(), options)
        closeDescriptor = Self.closer(of: descriptor)
    }

    /// Takes over what listens already, and closes it in a way of its own.
    package init(_ descriptor: Int32, _ address: SocketAddress, closingWith closeDescriptor: @escaping (Int32) -> Void)
    {
        self.descriptor = descriptor
        self.address = address
        self.closeDescriptor = closeDescriptor
    }

    deinit {
        close()
    }

    /// Closes the socket, which frees its address. If other code closed the descriptor, its number may be in use for another file by now,
    /// and is left alone.
    func close() {
        if isOpen { closeDescriptor(descriptor) }
        isOpen = false
    }

    private static func closer(of descriptor: Int32) -> (Int32) -> Void {
        let identity = Identity(of: descriptor)
        return { descriptor in
            guard Identity(of: descriptor) == identity else { return }
            // A child has a copy between its fork and its exec. Closing only our descriptor would let the socket go on listening without a
            // server.
            NBLibc.shutdown(descriptor, Int32(SHUT_RDWR))
            NBLibc.close(descriptor)
        }
    }

    /// What tells one file from another, whatever its number.
    private struct Identity: Equatable {
        private let device: dev_t
        private let file: ino_t

        init(of descriptor: Int32) {
            var status = stat()
            fstat(descriptor, &status)
            (device, file) = (status.st_dev, status.st_ino)
        }
    }

    private static func listening(
        on wanted: SocketAddress,
        _ options: [SocketOption]
    ) throws(ServerError) -> (Int32, SocketAddress) {
        for _ in 0..<50 {
            do {
                return try listen(on: wanted, options)
            } catch  where error.code == .addressInUse {
                usleep(10_000)
            }
        }
        return try listen(on: wanted, options)
    }

    private static func listen(
        on wanted: SocketAddress,
        _ options: [SocketOption]
    ) throws(ServerError) -> (Int32, SocketAddress) {
        if let fault = wanted.listeningFault {
            throw ServerError(.invalidAddress, operation: "listen", address: wanted.description, cure: fault)
        }
        // Not SOCK_NONBLOCK: before Linux 5.19 an accept on a non-blocking socket fails instead of waiting in the ring.
        let descriptor = NBLibc.socket(wanted.family, streamSocket | closeOnExec, 0)
        let error = errorNumber(descriptor)
        guard error == 0 else { throw .call("socket", error, address: wanted.description) }
        do {
            return (descriptor, try listen(descriptor, wanted, options))
        } catch {
            NBLibc.close(descriptor)
            throw error
        }
    }

    private static func listen(
        _ descriptor: Int32,
        _ wanted: SocketAddress,
        _ options: [SocketOption]
    ) throws(ServerError) -> SocketAddress {
        var backlog = Int32.max
        let defaults: [SocketOption] = [.reuseAddress(true), .ipv6Only(false), .noDelay(true), .keepAlive(true)]
        let kinds = (defaults + options).flatMap(\.kinds)
        // Not an earlier one first: the kernel may refuse to change it, as it does an interface.
        for (index, kind) in kinds.enumerated() where !kinds[(index + 1)...].contains(where: kind.sets) {
            if case .backlog(let length) = kind { backlog = length }
            try kind.set(on: descriptor, family: wanted.family, address: wanted.description)
        }
        var error = wanted.withSockaddr { errorNumber(NBLibc.bind(descriptor, $0, $1)) }
        guard error == 0 else { throw .bind(error, wanted) }
        error = errorNumber(NBLibc.listen(descriptor, backlog))
        guard error == 0 else { throw .call("listen", error, address: wanted.description) }
        return try address(of: descriptor, wanted)
    }

    /// The address that the kernel bound a socket to.
    static func address(of descriptor: Int32, _ wanted: SocketAddress) throws(ServerError) -> SocketAddress {
        var error: Int32 = 0
        let address = SocketAddress.reading {
            let result = getsockname(descriptor, $0, $1)
            error = errorNumber(result)
            return result
        }
        if case .ip = address, let address { return address }
        // The call may have succeeded, and then `errno` is another call's.
        guard error == 0 else { throw .call("getsockname", error, address: wanted.description) }
        let cure = "the socket is bound to no IP address; only IP sockets can listen"
        throw ServerError(.socket, operation: "getsockname", address: wanted.description, cure: cure)
    }
}
