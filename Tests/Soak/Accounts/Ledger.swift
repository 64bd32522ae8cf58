internal import Measuring

/// Knows every connection of a phase: who it was, where it went, what became of it, and what does not balance.
final class Ledger {
    private(set) var clients: [Client] = []
    private(set) var problems: [String] = []
    /// Connections that phases held, left, and expect the server to find gone.
    var goneCount = 0
    /// Clients that were connected to a listener which closed before it knew of them.
    var droppedHandshakes = 0
    /// What servers that came and went in this phase had counted at their end.
    private(set) var ended: [Counts] = []
    private var relayed: [Door: Int] = [:]
    private var randomness: Randomness

    init(_ randomness: Randomness) {
        self.randomness = randomness
    }

    /// A client is about to connect.
    func enroll(door: Door, port: UInt16, script: Script) -> Client {
        let client = Client(identity: randomness.next(), door: door, port: port, script: script)
        clients.append(client)
        return client
    }

    /// Somebody else has established connections on behalf of clients.
    func noteRelayed(_ count: Int, to door: Door) {
        relayed[door, default: 0] += count
    }

    /// A server that was made for this phase has stopped.
    func noteEnd(of counts: Counts) {
        ended.append(counts)
    }

    /// Connections established at a server for a treatment.
    func established(at door: Door) -> Int {
        clients.count { $0.isEstablished && $0.door == door } + relayed[door, default: 0]
    }

    /// Connections established at a server.
    func established(at site: String) -> Int {
        Treatment.allCases.reduce(0) { $0 + established(at: Door(site: site, treatment: $1)) }
    }

    func count(_ outcome: Outcome) -> Int {
        clients.count { $0.outcome == outcome }
    }

    func count(_ outcome: Outcome, at site: String) -> Int {
        clients.count { $0.outcome == outcome && $0.door.site == site }
    }
}

// What must be.
extension Ledger {
    func report(_ problem: String) {
        problems.append(problem)
    }

    /// Both sides must be the same number; if not, the equation is the problem.
    func expect(_ left: KeyValuePairs<String, Int>, equals right: KeyValuePairs<String, Int>) {
        compare(left, "≠", right, by: ==)
    }

    func expect(_ left: KeyValuePairs<String, Int>, isAtMost right: KeyValuePairs<String, Int>) {
        compare(left, ">", right, by: <=)
    }

    private func compare(
        _ left: KeyValuePairs<String, Int>,
        _ failure: String,
        _ right: KeyValuePairs<String, Int>,
        by holds: (Int, Int) -> Bool
    ) {
        func sum(_ terms: KeyValuePairs<String, Int>) -> Int { terms.reduce(0) { $0 + $1.value } }
        func text(_ terms: KeyValuePairs<String, Int>) -> String {
            terms.map { "\($0.value.grouped) \($0.key)" }.joined(separator: " + ")
        }
        if !holds(sum(left), sum(right)) { report("\(text(left)) \(failure) \(text(right))") }
    }

    /// Every client has ended, in one of the ways it was to; every greeting was somebody's own.
    func checkClients(serials: Range<Int>) {
        var failures: [String: Int] = [:]
        for client in clients {
            switch client.outcome {
            case .failed(let reason): failures["\(client.door): \(reason)", default: 0] += 1
            case nil: failures["\(client.door): has no end", default: 0] += 1
            default: break
            }
        }
        for (failure, count) in failures.sorted(by: { $0.key < $1.key }) {
            report("\(count.grouped) of \(clients.count.grouped) clients: \(failure)")
        }
        let given = clients.compactMap(\.serial)
        expect(["greetings": given.count], equals: ["different serial numbers": Set(given).count])
        for serial in given where !serials.contains(serial) {
            report("serial number \(serial) was not given in this phase, but \(serials)")
        }
    }
}
