internal import Glibc
internal import Measuring

/// Clients that act at the same time, all in one thread, which waits for what they wait for.
///
/// A crowd that stays in the queue of a listener at once has to be smaller than the queue, 4,096: one that overflows
/// drops clients that believe themselves connected.
struct Crowd {
    private let ledger: Ledger
    private(set) var clients: [Client] = []

    /// When nothing has happened for so long, nothing will.
    private static let patience = Duration.seconds(30)

    init(_ ledger: Ledger) {
        self.ledger = ledger
    }

    /// Adds clients, which start to connect.
    mutating func add(_ count: Int, to site: Site, _ treatment: Treatment, _ script: Script) {
        add(count, to: site.port(treatment), Door(site: site.name, treatment: treatment), script)
    }

    /// Adds clients that connect to a port that is not the server's own.
    mutating func add(_ count: Int, to port: UInt16, _ door: Door, _ script: Script) {
        for _ in 0..<count {
            let client = ledger.enroll(door: door, port: port, script: script)
            clients.append(client)
            client.advance()
        }
    }

    /// Tells those who wait for word to go on.
    func goOn() {
        for client in clients { client.goOn() }
    }

    /// Goes on until every client has ended or waits for word, or until that is enough.
    func run(until isEnough: (() throws -> Bool)? = nil) throws {
        var lastEvent = ContinuousClock.now
        while true {
            try Interruption.check()
            let active = clients.filter { $0.outcome == nil && !$0.isWaitingForWord }
            if active.isEmpty { return }
            if try isEnough?() == true { return }
            let limit = isEnough == nil ? 200 : 10
            if wait(for: active, atMost: limit) {
                lastEvent = .now
            } else if lastEvent + Self.patience < .now {
                for client in active { client.giveUp() }
            }
        }
    }

    /// Goes on until every client has ended or waits for word, or nothing has happened for some looks.
    func runUntilQuiet() throws {
        var quietLooks = 0
        while quietLooks < 10 {
            try Interruption.check()
            let active = clients.filter { $0.outcome == nil && !$0.isWaitingForWord }
            if active.isEmpty { return }
            quietLooks = wait(for: active, atMost: 10) ? 0 : quietLooks + 1
        }
    }

    /// Waits a little, and continues the clients that can go on; `false` if none could.
    private func wait(for active: [Client], atMost limit: Int) -> Bool {
        var limit = limit
        var polled = active.map { client in
            switch client.need {
            case .events(let events): return pollfd(fd: client.descriptor, events: events, revents: 0)
            case .word: return pollfd(fd: -1, events: 0, revents: 0)
            case .time(let moment):
                limit = min(limit, max(0, Int((moment - .now) / .milliseconds(1))) + 1)
                return pollfd(fd: -1, events: 0, revents: 0)
            }
        }
        _ = poll(&polled, nfds_t(polled.count), Int32(limit))
        var hasAdvanced = false
        for (client, polled) in zip(active, polled) where polled.revents != 0 || client.isDue {
            client.advance()
            hasAdvanced = true
        }
        return hasAdvanced
    }
}

extension Client {
    /// Whether the time it needs has come.
    fileprivate var isDue: Bool { if case .time(let moment) = need { moment <= .now } else { false } }
}
