import Glibc
import NBServer

/// One behavior, one way of connecting, and what it may cost.
struct Scenario {
    let name: String
    var greeting = Greeter.greeting
    /// How many connections queue up behind a server that is held in the callback of the first; `nil`: one at a time.
    var burst: Int?
    /// Whether clients speak first: the server is held in every callback until the words are there.
    var clientsSpeak = false
    /// Whether a connection is greeted only when the next one comes.
    var greetsPrevious = false
    /// How many connections say something in turn, again and again; `nil`: connections are short.
    var longLived: Int?
    /// What they say, and get back.
    var message = [UInt8](repeating: 0x6e, count: 64)
    /// Whether clients speak to a worker, which answers.
    var isAnswered = false
    /// How many connections come at once before others come one by one.
    static let crowdSize = 32
    /// Which limits the server has.
    var limits: AdmissionLimits?
    /// Which sources it lets in.
    var rules: SourceRules?
    /// All that the server's thread may do in the whole span.
    var limit = Counts.none

    /// Measures a behavior, and tells the result.
    ///
    /// - Returns: whether it was exactly the limit.
    /// - Throws: ``Failure``, or the server's error, if nothing could be measured.
    func run(_ makeBehavior: (Meter) -> some MeteredBehavior) throws -> Bool {
        let valve = try Valve()
        defer { valve.close() }
        let report = Report()
        let meter = Meter(
            holdInterval: clientsSpeak ? 1 : burst ?? .max,
            crowdSize: burst ?? 0,
            valve: valve,
            report: report
        )

        let options = ServerOptions(admission: try admission)
        let server = try Server(makeBehavior(meter), listening: "127.0.0.1:0", options: options)
        try server.startBlocking()
        let client = Client(
            port: server.addresses[0].port,
            greeting: Array(greeting.utf8),
            speaks: clientsSpeak || isAnswered
        )
        if let longLived { try exchange(client, longLived, valve) } else { try connect(client, valve) }
        server.stopBlocking()

        guard let counts = report.result else { throw Failure("\(name): a connection is missing, or too many came") }
        return tell(counts)
    }

    private var admission: Admission? {
        get throws {
            guard limits != nil || rules != nil else { return nil }
            return try Admission(limits ?? AdmissionLimits(), rules: rules)
        }
    }

    func connect(_ client: Client, _ valve: Valve) throws {
        var unanswered: [Int32] = []
        var left = Meter.warmUp + Meter.measured
        // The first ones come at once, so that no later ones need more memory.
        var size = burst ?? Self.crowdSize
        while left > 0 {
            var opened: [Int32] = []
            for _ in 0..<size { opened.append(try client.open()) }
            for number in 0..<size where isHeld(number: number, left: left) { try valve.open() }
            // The previous ones are answered now, or these are.
            if greetsPrevious { swap(&opened, &unanswered) }
            for socket in opened { try client.finish(socket) }
            left -= size
            size = burst ?? 1
        }
        for socket in unanswered { close(socket) }
    }

    /// Whether the server waits at the valve with a connection of those that came at once.
    private func isHeld(number: Int, left: Int) -> Bool {
        clientsSpeak || number == 0 && (burst != nil || left == Meter.warmUp + Meter.measured)
    }

    private func exchange(_ client: Client, _ count: Int, _ valve: Valve) throws {
        let sockets = try (0..<count).map { _ in try client.open() }
        for round in 0..<(Meter.warmUp + Meter.measured) / count {
            for socket in sockets { try client.say(message, on: socket) }
            // All answers of the first round wait at once, so that no later round needs more memory.
            if round == 0 { try valve.open() }
            for socket in sockets { try client.hear(message, on: socket) }
        }
        for socket in sockets { close(socket) }
    }

    private func tell(_ counts: Counts) -> Bool {
        print("\(name): \(Meter.measured) \(longLived == nil ? "connections" : "messages"), \(counts)")
        guard counts != limit else { return true }
        print("allocation-check: FAILED: \(name): should have been \(limit)")
        return false
    }
}
