// Both ends of a connection: a client, and the descriptor a server would have accepted. Closes what it still owns.

import Glibc
import Testing

struct LoopbackConnection: ~Copyable {
    let client: LoopbackClient
    /// The server's end, non-blocking as the ring's accept makes it.
    let server: Int32
    private var ownsServer = true

    init(sendBuffer: Int32? = nil, receiveBuffer: Int32? = nil) throws {
        let listener = try LoopbackListener()
        let client = try LoopbackClient(port: listener.port, receiveBuffer: receiveBuffer)
        let server = try check("accept", accept(listener.descriptor, nil, nil))
        _ = fcntl(server, F_SETFD, FD_CLOEXEC)
        _ = fcntl(server, F_SETFL, O_NONBLOCK)
        if let sendBuffer { _ = try? Loopback.setOption(server, SOL_SOCKET, SO_SNDBUF, sendBuffer) }
        self.client = client
        self.server = server
    }

    deinit {
        if ownsServer { close(server) }
    }

    /// The server's end, for an operation that closes it.
    mutating func handOverServer() -> Int32 {
        ownsServer = false
        return server
    }

    /// Waits until so many bytes have arrived at the server's end.
    func awaitArrival(of count: Int) throws {
        try Loopback.setOption(server, SOL_SOCKET, SO_RCVLOWAT, Int32(count))
        var entry = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
        try #require(poll(&entry, 1, 30_000) == 1)
        try Loopback.setOption(server, SOL_SOCKET, SO_RCVLOWAT, Int32(1))
    }

    /// How many bytes the server's end holds and has not sent yet.
    func unsentBytes() throws -> Int32 {
        let SIOCOUTQNSD = UInt(0x894B)
        var count: Int32 = 0
        try check("ioctl", ioctl(server, SIOCOUTQNSD, &count))
        return count
    }
}
