import Glibc
import Synchronization

@testable import NBServer

extension Endpoint {
    private static let count = Atomic<UInt32>(0)

    /// A free port of a loopback address that no other test, of this process or of one beside it, listens on: when it is closed
    /// nobody else gets it, and whoever connects there is refused.
    static var unshared: Endpoint {
        let number = count.add(1, ordering: .relaxed).newValue
        let process = UInt32(getpid())
        // 127.0.0.0/16 is everybody's.
        return Endpoint("127.\(1 + process % 254).\(process / 254 % 4 * 64 + number / 250 % 64).\(1 + number % 250):0")
    }
}
