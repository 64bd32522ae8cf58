// A socket that listens on a free port of 127.0.0.1; closed when dropped.

import Glibc

struct LoopbackListener: ~Copyable {
    let descriptor: Int32
    let port: UInt16

    init(backlog: Int32 = 128) throws {
        let descriptor = try Loopback.socket()
        do {
            _ = try Loopback.withAddress(port: 0) { try check("bind", bind(descriptor, $0, $1)) }
            try check("listen", listen(descriptor, backlog))
            port = try Loopback.localPort(descriptor)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    /// Ends listening; the descriptor stays open.
    func shutDown() throws {
        try check("shutdown", shutdown(descriptor, Int32(SHUT_RDWR)))
    }
}
