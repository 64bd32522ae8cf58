internal import Measuring

/// What a row has to play with: its server, and what is counted of its clients.
final class Stage {
    let process: ServerProcess
    var randomness: Randomness

    private let plan: ServerPlan
    private let connections: Int
    private let progress: (Int) -> Void
    private(set) var tally = Tally()

    /// For so many clients; `progress` is told how many have come to their outcome.
    init(_ plan: ServerPlan, connections: Int, _ randomness: Randomness, progress: @escaping (Int) -> Void) throws {
        self.plan = plan
        self.connections = connections
        self.randomness = randomness
        self.progress = progress
        process = try ServerProcess(plan)
    }

    /// Has all of the row's clients brought, so many at a time; the body gets their numbers.
    func inCrowds(of size: Int, _ bring: (Range<Int>) throws -> Void) throws {
        for first in stride(from: 0, to: connections, by: size) {
            try bring(first..<min(first + size, connections))
        }
    }

    /// Clients that begin to connect, taking turns with the listeners: all of them, or those of some parts of the plan.
    func crowd(_ numbers: Range<Int>, parts: Range<Int>? = nil, _ manner: (Int) -> Manner) -> Crowd {
        let parts = parts ?? plan.parts.indices
        var crowd = Crowd()
        for number in numbers {
            let part = parts[parts.startIndex + number % parts.count]
            let size = plan.parts[part].size
            crowd.add(Client(number: number, to: process.ports[part], size: size, manner(number)))
        }
        return crowd
    }

    /// Holds the server's process for as long as that takes; a client that connects now has to wait.
    func whilePaused<Result>(_ body: () throws -> Result) throws -> Result {
        try process.pause()
        let result = try body()
        try process.resume()
        return result
    }

    /// Waits until the server has all of a crowd that is connected.
    func waitForDeliveries(of crowd: Crowd) throws {
        let count = tally.connections + crowd.clients.count
        let limit = ContinuousClock.now + ServerProcess.patience
        while try process.account().delivered < count {
            guard limit > .now else { throw Failure("the server does not deliver \(count) connections") }
        }
    }

    /// Waits for the outcomes of a crowd's clients, and counts them.
    func finish(_ crowd: Crowd) throws {
        try crowd.run()
        for client in crowd.clients { tally.add(client) }
        progress(tally.connections)
    }
}
