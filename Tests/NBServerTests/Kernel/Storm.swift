import Glibc

@testable import NBServer

/// A thread that connects client after client until it is refused, or has connected as many as it was to.
final class Storm: Sendable {
    private let clients = Lock<[Client]>([])
    private let isOver = Gate()

    init(on address: SocketAddress, limit: Int = 5000) throws {
        try startThread { [self] in
            defer { isOver.open() }
            for _ in 0..<limit {
                do {
                    let client = try Client(address)
                    clients.withLock { $0.append(client) }
                } catch {
                    return
                }
            }
        }
    }

    /// The clients that have connected when the storm is over.
    func wait() -> [Client] {
        isOver.wait()
        return clients.withLock { $0 }
    }

    /// How the clients' streams ended, and how many of each, when the storm is over.
    ///
    /// Who connects in the moment in which a listener is closed may be in for a surprise, and not for a server's fault: now
    /// and then Linux tells such a client nothing until it speaks, and more rarely ends its stream. A plain loop of
    /// `accept(2)`, then `close(2)`, shows both.
    func endings() throws -> [Client.Ending: Int] {
        var counts: [Client.Ending: Int] = [.reset: 0]
        for client in wait() {
            client.speakIfNothingComes()
            counts[try client.readToEnd(), default: 0] += 1
        }
        return counts
    }
}
