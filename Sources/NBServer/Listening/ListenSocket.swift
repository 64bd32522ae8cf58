internal import Glibc

/// A bound, listening socket.
///
/// Made before the loop starts, when making it may block, or in the loop's thread, when it may not. Owned by the server
/// until it runs, then by its loop, which closes it when the listener goes down, is removed, or the server stops. Closing a
/// listening socket does not wait.
final class ListenSocket {
    let descriptor: Int32
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
    init(_ descriptor: Int32, _ address: SocketAddress, closingWith closeDescriptor: @escaping (Int32) -> Void) {
        self.descriptor = descriptor
        self.address = address
        self.closeDescriptor = closeDescriptor
    }

    deinit {
        close()
    }

    /// Closes the socket; from now on its address is free. If it was closed behind our back, its number may be somebody
    /// else's by now and is left alone.
    func close() {
        if isOpen { closeDescriptor(descriptor) }
        isOpen = false
    }

    private static func closer(of descriptor: Int32) -> (Int32) -> Void {
        let identity = Identity(of: descriptor)
        return { descriptor in
            guard Identity(of: descriptor) == identity else { return }
            // A child has a copy between its fork and its exec, and closing ours would let the socket go on listening, for
            // nobody.
            Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
            Glibc.close(descriptor)
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
        // Not SOCK_NONBLOCK: before Linux 5.19 an accept on a non-blocking socket fails instead of waiting in the ring.
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(wanted.family, type, 0)
        guard descriptor >= 0 else { throw .call("socket", errno, address: wanted.description) }
        do {
            return (descriptor, try listen(descriptor, wanted, options))
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private static func listen(
        _ descriptor: Int32,
        _ wanted: SocketAddress,
        _ options: [SocketOption]
    ) throws(ServerError) -> SocketAddress {
        var backlog = Int32.max
        let defaults: [SocketOption] = [.reuseAddress(true), .ipv6Only(false)]
        for kind in (defaults + options).flatMap(\.kinds) {
            if case .backlog(let length) = kind { backlog = length }
            try set(kind, on: descriptor, wanted)
        }
        guard wanted.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            throw .call("bind", errno, address: wanted.description)
        }
        guard Glibc.listen(descriptor, backlog) == 0 else {
            throw .call("listen", errno, address: wanted.description)
        }
        guard let address = SocketAddress.reading({ getsockname(descriptor, $0, $1) }) else {
            throw .call("getsockname", errno, address: wanted.description)
        }
        return address
    }

    private static func set(
        _ kind: SocketOption.Kind,
        on descriptor: Int32,
        _ wanted: SocketAddress
    ) throws(ServerError) {
        switch kind {
        case .backlog:
            break
        case .invalid(let error):
            throw error
        case .ipv6Only(let isOn):
            guard wanted.family == AF_INET6 else { break }
            try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(isOn ? 1 : 0), "IPV6_V6ONLY", wanted)
        case .linger(let seconds):
            let value = Glibc.linger(l_onoff: seconds == nil ? 0 : 1, l_linger: seconds ?? 0)
            try set(descriptor, SOL_SOCKET, SO_LINGER, value, "SO_LINGER", wanted)
        case .integer(let level, let name, let value, let text):
            try set(descriptor, level, name, value, text, wanted)
        }
    }

    private static func set<Value>(
        _ descriptor: Int32,
        _ level: Int32,
        _ name: Int32,
        _ value: Value,
        _ text: String,
        _ wanted: SocketAddress
    ) throws(ServerError) {
        let result = withUnsafeBytes(of: value) {
            setsockopt(descriptor, level, name, $0.baseAddress, socklen_t($0.count))
        }
        guard result == 0 else {
            throw ServerError(
                .socket,
                operation: "setsockopt \(text)",
                address: wanted.description,
                errno: errno,
                cure: "the kernel does not take this socket option, or not this value, or it needs a privilege"
            )
        }
    }
}
