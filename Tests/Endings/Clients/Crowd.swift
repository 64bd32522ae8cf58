internal import Glibc
internal import Measuring

/// Clients that act at the same time, all in one thread, which waits for what they wait for.
struct Crowd {
    private(set) var clients: [Client] = []

    /// What a client says at its moment; it goes on when all have begun, so that none is kept waiting by another's speech.
    private static let firstWords = 16 << 10

    mutating func add(_ client: Client) {
        clients.append(client)
    }

    /// Goes on until every client is connected.
    func connect() throws {
        try run { $0.isConnected }
    }

    /// Has clients begin to speak, each at its moment after now. It does nothing else meanwhile: these are microseconds.
    func speak(at moments: [Duration]) {
        let start = ContinuousClock.now
        for (client, moment) in zip(clients, moments.sorted()) {
            while ContinuousClock.now - start < moment {}
            client.speak(atMost: Self.firstWords)
        }
    }

    /// The same at once.
    func speakAtOnce() {
        speak(at: clients.map { _ in .zero })
    }

    /// Goes on until every client has come to its outcome.
    func run() throws {
        try run { _ in false }
    }

    /// Goes on until every client has come to its outcome, or as far as it is to.
    private func run(until isEnough: (Client) -> Bool) throws {
        var lastEvent = ContinuousClock.now
        while true {
            try Interruption.check()
            let active = clients.filter { $0.outcome == nil && !isEnough($0) }
            if active.isEmpty { return }
            if wait(for: active) {
                lastEvent = .now
            } else if lastEvent + ServerProcess.patience < .now {
                for client in active { client.giveUp() }
            }
        }
    }

    /// Waits a little, and continues the clients that can go on; `false` if none could.
    private func wait(for active: [Client]) -> Bool {
        var polled = active.map(\.polled)
        let due = active.compactMap(\.due).min()
        let limit = due.map { min(200, max(0, Int(($0 - .now) / .milliseconds(1))) + 1) } ?? 200
        _ = poll(&polled, nfds_t(polled.count), Int32(limit))
        var hasAdvanced = false
        for (client, polled) in zip(active, polled) where client.notice(polled.revents) { hasAdvanced = true }
        return hasAdvanced
    }
}
