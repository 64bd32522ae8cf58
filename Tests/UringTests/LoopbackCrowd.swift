// Many clients of one listener, connected and otherwise silent; closed when dropped.

import Glibc

struct LoopbackCrowd: ~Copyable {
    /// The ports on the clients' side.
    private(set) var ports: Set<UInt16> = []
    private var descriptors: [Int32] = []

    init(_ count: Int, port: UInt16) throws {
        do {
            for _ in 0..<count {
                let descriptor = try Loopback.socket()
                descriptors.append(descriptor)
                _ = try Loopback.withAddress(port: port) { try check("connect", connect(descriptor, $0, $1)) }
                ports.insert(try Loopback.localPort(descriptor))
            }
        } catch {
            for descriptor in descriptors { close(descriptor) }
            throw error
        }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}
