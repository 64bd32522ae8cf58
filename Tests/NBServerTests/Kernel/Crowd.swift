import Glibc

@testable import NBServer

/// Many clients at once.
struct Crowd {
    var clients: [Client] = []

    /// As many connected clients, those of one address after those of the other.
    init(_ count: Int, at addresses: SocketAddress...) throws {
        for address in addresses {
            for _ in 0..<count { clients.append(try Client(address)) }
        }
    }

    /// How their streams ended, and how many of each.
    func endings() throws -> [Client.Ending: Int] {
        var counts: [Client.Ending: Int] = [:]
        for client in clients { counts[try client.readToEnd(), default: 0] += 1 }
        return counts
    }

    /// As many clients that connect and reset the connection, one after the other; the server has each connection by then.
    static func comeAndReset(_ count: Int, at address: SocketAddress) throws {
        // Packets over loopback wait in a queue of the CPU that sends them. If the thread moved to another CPU after the
        // connect, the reset could overtake the end of the handshake: then the listener has nothing to accept.
        try CPUAffinity.onOneCPU {
            for _ in 0..<count { try Client(address).reset() }
        }
    }
}
