// Owns descriptors that came out of a ring and closes them when dropped.

import Glibc

struct Descriptors: ~Copyable {
    private(set) var all: [Int32] = []

    deinit {
        for descriptor in all { close(descriptor) }
    }

    mutating func adopt(_ descriptors: [Int32]) {
        all += descriptors
    }

    /// The ports of the clients they lead to, each once.
    func peerPorts() throws -> Set<UInt16> {
        Set(try all.map(Loopback.peerPort))
    }
}
