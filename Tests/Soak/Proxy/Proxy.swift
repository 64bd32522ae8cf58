internal import Glibc
internal import Measuring
internal import Synchronization

/// A faulty network between clients and the server: it relays a number of connections, each with a fate, and remembers
/// by the client's port which it was.
///
/// Accepts on a thread of its own, and relays each connection on another.
final class Proxy: Sendable {
    let port: UInt16

    private let listener: Int32
    private let relayed = Mutex<[UInt16: Fate]>([:])

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw Failure(call: "socket") }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Loopback.withAddress(0, { bind(listener, $0, $1) }) == 0, listen(listener, 4096) == 0 else {
            let failure = Failure(call: "listen")
            close(listener)
            throw failure
        }
        self.listener = listener
        port = Loopback.localPort(of: listener)
    }

    deinit {
        close(listener)
    }

    /// What became of the connections that reached the server, by the port of the client.
    var fates: [UInt16: Fate] { relayed.withLock { $0 } }

    /// Relays as many connections as there are fates; the thread ends when all of them have.
    func relay(to port: UInt16, _ fates: [Fate]) throws -> Worker {
        try Worker { [self] in
            var relays: [Worker] = []
            for fate in fates {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                let relay = try? Worker { self.relay(client, to: port, fate) }
                if let relay { relays.append(relay) } else { close(client) }
            }
            for relay in relays { relay.join() }
        }
    }

    private func relay(_ client: Int32, to port: UInt16, _ fate: Fate) {
        let clientPort = Loopback.peerPort(of: client)
        guard let relay = Relay(client, to: port, fate) else { return }
        relayed.withLock { $0[clientPort] = fate }
        relay.run()
    }
}
