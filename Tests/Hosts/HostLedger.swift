internal import Glibc
internal import LoopbackClient
internal import Measuring

/// One host's clients, and what it owes them: each says nothing, and gets the greeting once and then the end of the stream.
struct HostLedger {
    private static let listeners = 2
    /// The clients that connect to a listener together: fewer than its queue holds.
    private static let crowd = 500
    /// The clients that are in a listener's queue when the host is to end: more than a turn of a usual budget takes.
    private static let queue = 2_000
    /// How often a host is started to be stopped.
    private static let stops = 5
    /// How many are connected at a time.
    static let held = listeners * queue

    private let program: HostProgram
    private let connections: Int
    private let start = ContinuousClock.now
    /// The clients of the host's process that were greeted.
    private var greeted = 0
    private var questions = 0

    init(_ program: HostProgram, connections: Int) {
        self.program = program
        self.connections = connections
    }

    /// Runs the host twice: to be drained, and to be stopped.
    ///
    /// - Returns: the figures, in a line.
    /// - Throws: ``Failure`` if an account does not balance.
    mutating func play() throws -> String {
        var figures: [String] = []
        try withProcess { ledger, host in
            // The answer shows that it has opened what it opens late.
            try ledger.expect(HostCounters(accepted: 0, delivered: 0), try ledger.ask(host))
            let descriptors = try host.descriptors
            try ledger.serveCrowds(host)
            try ledger.expectNothingNew(descriptors, of: host)
            figures.append("\(ledger.greeted.grouped) greeted once, asked \(ledger.questions) times, nothing left open")
            figures.append("drain: \(try ledger.drain(host).grouped) greeted")
        }
        let reset = try stopInTime()
        figures.append("stop: \((Self.held - reset).grouped) greeted, \(reset.grouped) reset")
        let tenths = Int((ContinuousClock.now - start) / .milliseconds(100))
        figures.append("\(tenths / 10).\(tenths % 10) s")
        return figures.joined(separator: "; ")
    }

    /// The kernel may give the second signal to another thread of the host, late enough for the drain to be done. So several tries count as one.
    ///
    /// - Returns: how many clients were reset.
    private mutating func stopInTime() throws -> Int {
        for _ in 1...Self.stops {
            var reset = 0
            try withProcess { ledger, host in
                try ledger.serve(1, of: host, whileHeld: false)
                reset = try ledger.stop(host)
            }
            if reset > 0 { return reset }
        }
        throw Failure("\(Self.stops) times the second signal has not stopped it")
    }

    private mutating func withProcess(_ body: (inout HostLedger, HostProcess) throws -> Void) throws {
        let host = try HostProcess(program, listeners: Self.listeners)
        greeted = 0
        try host.named { try body(&self, host) }
    }
}

// What happens to a host.
extension HostLedger {
    private mutating func serveCrowds(_ host: HostProcess) throws {
        var isHeld = false
        while greeted < connections {
            let share = (connections - greeted + Self.listeners - 1) / Self.listeners
            try serve(min(share, Self.crowd), of: host, whileHeld: isHeld)
            isHeld.toggle()
        }
    }

    /// Has so many clients of each listener greeted, and asks the host once in between and once afterwards.
    private mutating func serve(_ count: Int, of host: HostProcess, whileHeld isHeld: Bool) throws {
        var first = ClientBatch(to: host.endpoints[0])
        var second = ClientBatch(to: host.endpoints[1])
        let connect = {
            try first.open(count)
            try second.open(count)
        }
        if isHeld { try host.whileHeld(connect) } else { try connect() }
        let between = try ask(host)
        let all = greeted + Self.listeners * count
        guard (greeted...all).contains(between.delivered), between.accepted == between.delivered else {
            throw Failure("between \(greeted) and \(all) clients it has counted: \(between)")
        }
        try first.expectGreetings()
        try second.expectGreetings()
        greeted = all
        try expect(HostCounters(accepted: all, delivered: all), try ask(host))
    }

    /// - Returns: how many clients were in the queues, and all of them greeted.
    private func drain(_ host: HostProcess) throws -> Int {
        var first = ClientBatch(to: host.endpoints[0])
        var second = ClientBatch(to: host.endpoints[1])
        try host.whileHeld(thenSending: [SIGTERM]) {
            try first.open(Self.queue)
            try second.open(Self.queue)
        }
        try first.expectGreetings()
        try second.expectGreetings()
        let all = greeted + Self.held
        try expect(HostCounters(accepted: all, delivered: all), try host.finish())
        return Self.held
    }

    /// Has it drain and, before it can be done with that, stop. How far the drain comes depends on the loop.
    ///
    /// - Returns: how many clients were reset.
    private func stop(_ host: HostProcess) throws -> Int {
        var first = ClientBatch(to: host.endpoints[0])
        var second = ClientBatch(to: host.endpoints[1])
        try host.whileHeld(thenSending: [SIGTERM, SIGINT]) {
            try first.open(Self.queue)
            try second.open(Self.queue)
        }
        let greetings = try first.expectGreetingsOrResets() + second.expectGreetingsOrResets()
        let counters = try host.finish()
        guard counters.delivered == greeted + greetings,
            counters.accepted == counters.delivered + counters.discarded,
            counters.accepted <= greeted + Self.held
        else {
            throw Failure("\(greetings) clients of the last \(Self.held) were greeted; it has counted: \(counters)")
        }
        return Self.held - greetings
    }
}

// The account.
extension HostLedger {
    private mutating func ask(_ host: HostProcess) throws -> HostCounters {
        questions += 1
        return try host.ask()
    }

    private func expect(_ expected: HostCounters, _ counters: HostCounters) throws {
        guard counters == expected else { throw Failure("it has counted: \(counters); and not: \(expected)") }
    }

    /// Waits until nothing is open that was not before.
    private func expectNothingNew(_ before: Set<String>, of host: HostProcess) throws {
        let limit = ContinuousClock.now + HostProcess.patience
        while case let left = try host.descriptors.subtracting(before), !left.isEmpty {
            try Interruption.check()
            guard limit > .now else { throw Failure("it has left open: \(left.sorted().joined(separator: ", "))") }
            usleep(500)
        }
    }
}
