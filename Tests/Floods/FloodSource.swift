internal import Glibc
internal import NBServer

/// One of the 200 addresses that clients come from: 50 in each of the four networks 127.0.0.0/24 to 127.0.3.0/24.
struct FloodSource {
    static let count = 200
    static let networks = 4

    let index: Int

    /// The clients come from all of them in turn.
    init(ofClient number: Int) {
        index = number % Self.count
    }

    /// The third byte of the address.
    var network: Int { index % Self.networks }

    private var host: Int { 10 + index / Self.networks }

    var text: String { "127.0.\(network).\(host)" }

    static func prefix(ofNetwork network: Int) throws -> AddressPrefix { try AddressPrefix("127.0.\(network).0/24") }

    /// Binds a client's socket to the address.
    func bind(_ socket: Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(127 << 24 | network << 8 | host).bigEndian
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
