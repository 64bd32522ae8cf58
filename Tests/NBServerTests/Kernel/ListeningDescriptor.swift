import Glibc

@testable import NBServer

/// The descriptor of a listening socket of this process, found behind its owner's back.
struct ListeningDescriptor {
    struct NotFound: Error {}

    let number: Int32

    init(of address: SocketAddress) throws {
        let found = (Int32(0)..<20_000).first { number in
            var isListening: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 && isListening == 1
                && SocketAddress.reading { getsockname(number, $0, $1) } == address
        }
        guard let found else { throw NotFound() }
        number = found
    }

    init(_ number: Int32) {
        self.number = number
    }

    /// How many connections wait in the kernel to be accepted: `tcpi_unacked` of a listening socket.
    var queueLength: Int {
        var info = [UInt32](repeating: 0, count: 7)
        var length = socklen_t(info.count * MemoryLayout<UInt32>.size)
        getsockopt(number, Int32(IPPROTO_TCP), TCP_INFO, &info, &length)
        return Int(info[6])
    }

    /// Ends listening; the descriptor stays open.
    func shutDown() {
        shutdown(number, Int32(SHUT_RDWR))
    }
}
