internal import NBLibc

/// What the kernel says of a socket that was not accepted by this library. Nothing here blocks; any thread that owns the
/// descriptor.
enum ForeignSocket {
    /// Throws unless the descriptor is a connected stream socket.
    static func expectConnection(_ descriptor: Int32) throws(ServerError) {
        guard try number(descriptor, SO_TYPE) == streamSocket else {
            throw fault(descriptor, "it is not a stream socket, and a connection is one")
        }
        guard try number(descriptor, SO_ACCEPTCONN) == 0 else {
            throw fault(descriptor, "the socket listens; a server makes its listeners itself")
        }
        var peer = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let error = withUnsafeMutableBytes(of: &peer) { bytes in
            // Never empty: it is the structure's own memory.
            errorNumber(getpeername(descriptor, bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length))
        }
        guard error == 0 else { throw fault(descriptor, error) }
    }

    /// Has no call on the socket block, and no child process keep it.
    static func setFlags(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Whether it is TCP with nothing on top, such as the kernel's TLS or the paths of MPTCP. Only such a socket throws
    /// input away without a copy.
    static func isPlainTCP(_ descriptor: Int32) -> Bool {
        var number: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PROTOCOL, &number, &length) == 0, number == Int32(IPPROTO_TCP)
        else { return false }
        var name: [16 of UInt8] = .init(repeating: 0)
        length = socklen_t(MemoryLayout.size(ofValue: name))
        // The name of what is on top has no length where there is nothing.
        return getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_ULP, &name, &length) == 0 && length == 0
    }

    private static func number(_ descriptor: Int32, _ option: Int32) throws(ServerError) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let error = errorNumber(getsockopt(descriptor, SOL_SOCKET, option, &value, &length))
        guard error == 0 else { throw fault(descriptor, error) }
        return value
    }

    private static func fault(_ descriptor: Int32, _ errno: Int32) -> ServerError {
        switch errno {
        case EBADF: fault(descriptor, "no descriptor of this process has that number", errno)
        case ENOTSOCK: fault(descriptor, "it is not a socket", errno)
        case ENOTCONN: fault(descriptor, "it is not connected, or its connection is over already; close it", errno)
        default: fault(descriptor, "the kernel refused", errno)
        }
    }

    private static func fault(_ descriptor: Int32, _ cure: String, _ errno: Int32? = nil) -> ServerError {
        ServerError(.socket, operation: "adopt descriptor \(descriptor)", errno: errno, cure: cure)
    }
}
