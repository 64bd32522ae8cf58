@preconcurrency import Glibc
import NBServer

/// A client with a socket that blocks, for up to ten seconds. Closed when it is dropped.
struct Client: ~Copyable {
    let descriptor: Int32

    /// Connects to 127.0.0.1, at the port of an address.
    init(_ address: NBServer.SocketAddress) throws {
        peer = "127.0.0.1:\(address.port)"
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { throw Failure("socket: \(errno)") }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let error = errno
            close(descriptor)
            throw Failure("connect to \(address): \(String(cString: strerror(error)))")
        }
    }

    /// The address it is connected to, as `curl` wants it.
    let peer: String

    deinit { close(descriptor) }

    func send(_ text: String) {
        var text = text
        _ = text.withUTF8 { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Everything up to the end of the stream; `nil` if the connection was reset.
    func readToEnd() throws -> String? {
        var bytes: [UInt8] = []
        while let piece = try read() {
            guard !piece.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
            bytes += piece
        }
        return nil
    }

    /// What comes next; nothing at the end of the stream, `nil` if the connection was reset.
    func read() throws -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        if count < 0 {
            guard errno == ECONNRESET else { throw Failure("recv: \(String(cString: strerror(errno)))") }
            return nil
        }
        return Array(bytes.prefix(count))
    }

    /// Ends with a reset.
    consuming func reset() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    }
}
