import ArgumentParser
import Foundation
import LoopbackClient
import Measuring

/// Compares servers.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare the servers; what happens without a subcommand.",
        discussion: """
            Examples:
              accept-bench compare
              accept-bench compare --scenario turnaround --rounds 15
              accept-bench compare --contender ours --contender ring
              accept-bench compare --scenario listeners --listeners 1 --listeners 500
              accept-bench compare --external 'HAProxy=Recipes/haproxy {port} turnaround'
            """
    )

    @Option(help: "A scenario, of \(ScenarioList.names.joined(separator: ", ")); may be repeated. All, unless said.")
    var scenario: [String] = []

    @Option(help: "A contender, of \(Contender.names.map { "'\($0)'" }.joined(separator: ", ")); may be repeated.")
    var contender: [String] = []

    @Option(
        help: """
            Another server, as 'NAME=COMMAND with {port}'; may be repeated. If it speaks first, it is measured as those that \
            send a banner; else it is asked for a response to an HTTP request.
            """
    )
    var external: [String] = []

    @Option(
        help: """
            How often everybody is measured at the most (default: \(Self.mostRounds), or what three minutes allow; with --full \
            \(Self.mostRounds)). CPU times are measured until the control is exact, what is not compared by CPU time nine times.
            """
    )
    var rounds: Int?

    @Option(help: "Seconds of a measurement that has no end of its own (default: 0.5, with --full 1).")
    var seconds: Double?

    @Option(
        help: "Connections that wait in backlog, and that are held in hold (default: 3000; with --full 10000 are held)."
    )
    var connections: Int?

    @Option(help: "Clients at a time, where the next begins when one has ended.")
    var clients = 64

    @Option(help: "Ports to listen on in listeners; may be repeated (default: 1, 1000; with --full 10, 100 too).")
    var listeners: [Int] = []

    @Option(help: "Connections a second in rate; may be repeated (default: 2000, with --full 1000, 4000 and 8000).")
    var rate: [Double] = []

    @Option(help: "Threads of the clients, each with a ring of its own.")
    var threads = 1

    @Option(
        help: """
            Threads of each server, each with a loop and listeners of its own on the same ports. They have as many CPUs, and the clients the \
            others, or all if there are no others; in backlog the clients sleep meanwhile. Contenders that have no shards take no part.
            """
    )
    var shards = 1

    @Flag(help: "Ours with limits, rates and rules that let everybody in, too.")
    var admission = false

    @Flag(
        help:
            "More of everything, and more contenders; SwiftNIO is built by: swift build -c release --package-path NIO."
    )
    var full = false

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    @Flag(
        help: """
            In a network namespace of its own, where nobody else's dropped connections are counted. Needs root, \
            or user namespaces; its settings are the kernel's defaults.
            """
    )
    var privateNetwork = false

    @Option(help: "Where the folder with the results is made.")
    var results = "results"

    private static let mostRounds = 30
    /// With what it takes to start, stop and draw, three minutes.
    private static let secondsInAll = 155.0

    func validate() throws {
        for name in scenario where !ScenarioList.names.contains(name) {
            throw ValidationError("there is no scenario '\(name)'")
        }
        for name in contender where Contender.named(name) == nil {
            throw ValidationError("there is no contender '\(name)'")
        }
        try Bounds.check("--rounds", [rounds], Bounds.rounds)
        try Bounds.check("--seconds", [seconds], Bounds.seconds)
        try Bounds.check("--connections", [connections], Bounds.connections)
        try Bounds.check("--clients", [clients], Bounds.connections)
        try Bounds.check("--listeners", listeners, Bounds.listeners)
        try Bounds.check("--rate", rate, Bounds.perSecond)
        try Bounds.check("--threads", [threads], Bounds.threads)
        try Bounds.check("--shards", [shards], Bounds.threads)
        guard threads <= clients else { throw ValidationError("there is a client for each of the --threads at least") }
        _ = try contenders()
    }

    func run() throws {
        try Interruption.postpone()
        if privateNetwork { try PrivateNetwork.enter() }
        let placement = try Placement.ofThisProcess(servers: shards)
        let field = field(placement)
        let scenarios = scenarios(field)
        try Preflight.check(
            connections: max(clients * 2, 2048, scenarios.contains { $0 is Hold } ? field.held + Hold.more : 0),
            backlog: scenarios.contains { $0 is Backlog } ? field.backlog : 0,
            listeners: scenarios.map(\.listeners).max() ?? 1,
            sources: field.sources
        )
        try ResultFolder.prepare(results)
        let contenders = try contenders().map { $0.isExternal ? try $0.listenedTo(on: placement) : $0 }
        try placement?.pinClients()
        let run = ComparisonRun(
            scenarios: scenarios,
            lineup: Lineup(contenders: contenders),
            mostRounds: rounds ?? Self.mostRounds,
            secondsInAll: full || rounds != nil ? nil : Self.secondsInAll,
            field: field,
            manifest: Manifest(arguments: Array(CommandLine.arguments.dropFirst()), placement: placement),
            resultsFolder: results,
            printsJSON: json
        )
        try run.run()
    }

    private func field(_ placement: Placement?) -> Field {
        var field = Field(placement: placement)
        field.isPrivate = privateNetwork
        field.shards = shards
        field.threads = threads
        field.seconds = seconds ?? (full ? 1 : 0.5)
        field.backlog = connections ?? 3000
        field.held = connections ?? (full ? 10_000 : 3000)
        field.inFlight = clients
        return field
    }

    private func scenarios(_ field: Field) -> [any Scenario] {
        let all = ScenarioList.all(
            listeners: !listeners.isEmpty ? listeners : full ? [1, 10, 100, 1000] : [1, 1000],
            rates: !rate.isEmpty ? rate : full ? [1000, 4000, 8000] : [2000],
            callInterval: field.callInterval
        )
        return scenario.isEmpty ? all : all.filter { scenario.contains($0.name) }
    }

    /// Whether a contender takes part that is not named.
    private func isUsual(_ name: String) -> Bool {
        guard let contender = Contender.named(name) else { return false }
        if shards > 1, contender.reasonNotToBeShards != nil { return false }
        return contender.admission != nil ? admission : full || !Contender.extra.contains(name)
    }

    private func contenders() throws -> [Contender] {
        var names = contender
        if names.isEmpty { names = Contender.names.filter(isUsual) }
        let all = names.compactMap { Contender.named($0) } + (try external.map { try Contender(external: $0) })
        if shards > 1, let other = all.first(where: { $0.reasonNotToBeShards != nil }) {
            throw ValidationError("'\(other.name)' has no shards: \(other.reasonNotToBeShards ?? "")")
        }
        var seen: Set<String> = []
        for contender in all where !seen.insert(contender.name).inserted {
            throw ValidationError("'\(contender.name)' is there twice")
        }
        return all
    }
}
