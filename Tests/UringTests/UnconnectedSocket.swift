// A socket and the loopback address it is to be connected to; closed when dropped.

import Glibc
import NBEngine

struct UnconnectedSocket: ~Copyable {
    let descriptor: Int32
    private let address: UnsafeMutablePointer<sockaddr_in>

    init(to port: UInt16) throws {
        descriptor = try Loopback.socket()
        address = .allocate(capacity: 1)
        let address = address
        Loopback.withAddress(port: port) { pointer, length in
            UnsafeMutableRawPointer(address).copyMemory(from: pointer, byteCount: Int(length))
        }
    }

    deinit {
        close(descriptor)
        address.deallocate()
    }

    /// Connects to the address, which lives as long as this socket.
    var connect: Operation {
        .connect(descriptor: descriptor, to: Operation.Bytes(address, count: MemoryLayout<sockaddr_in>.size))
    }
}
