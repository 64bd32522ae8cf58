import ArgumentParser
import Foundation
import LoopbackClient
import Measuring

/// Runs the clients alone.
struct LoadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load",
        abstract: "Make connections to any server, and say what became of each.",
        discussion: """
            With --rate it is an open loop: connections are due at fixed times, whatever the server does, and latency counts \
            from then. Without, a closed loop: the next connection begins when one has ended.

            Of a name with several addresses, the first that takes a connection is used and named; that connection is not \
            counted.

            Ctrl-C ends the run and prints what was measured until then; a second one prints nothing.

            Exit status: 0 when every connection ended as it should, 1 when some did not, 130 after Ctrl-C.

            Examples:
              accept-bench load 127.0.0.1:7777
              accept-bench load 127.0.0.1:80 --http --clients 128 --seconds 10
              accept-bench load 127.0.0.1:80 --request 'GET /x HTTP/1.0\\r\\n\\r\\n' --rate 5000
              accept-bench load 127.0.0.1:7777 --work hold --connections 10000 --clients 10000
            """
    )

    @Argument(
        help: "Where the servers listen, as in 127.0.0.1:7777 or host.example:80; each connection goes to the next."
    )
    var servers: [String]

    @Option(help: "Clients at a time; with --rate, at most.")
    var clients: Int?

    @Option(help: "Connections a second, whatever the server does.")
    var rate: Double?

    @Option(help: "For how long connections begin.")
    var seconds = 5.0

    @Option(help: "No more connections than these.")
    var connections: Int?

    @Option(help: "What is expected: none, banner, turnaround, limited or hold, as 'accept-bench serve' does it.")
    var work: Work?

    @Flag(help: "Send an HTTP/1.0 request, and take any answer.")
    var http = false

    @Option(help: "What the client says first; \\r, \\n and \\0 stand for what they do elsewhere.")
    var request = ""

    @Flag(help: "Close in good order once the server has, instead of resetting what is left.")
    var orderly = false

    @Option(help: "Seconds one connection may take.")
    var patience = 5.0

    @Option(help: "Threads, each with a ring of its own.")
    var threads = 1

    @Option(help: "Source addresses, 127.0.0.1 and up, 250 at the most; 0 for the kernel's choice. Loopback only.")
    var sources: Int?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard !servers.isEmpty else { throw ValidationError("where to?") }
        try Bounds.check("--clients", [clients], Bounds.connections)
        try Bounds.check("--rate", [rate], Bounds.perSecond)
        try Bounds.check("--seconds", [seconds], Bounds.seconds)
        try Bounds.check("--connections", [connections], Bounds.connections)
        try Bounds.check("--patience", [patience], Bounds.seconds)
        try Bounds.check("--threads", [threads], Bounds.threads)
        try Bounds.check("--sources", [sources], 0...SourceAddresses.most)
        guard threads <= mostClients else {
            throw ValidationError("there is a client for each of the --threads at least")
        }
    }

    func run() throws {
        let targets = try TargetChoice(spreads: sources ?? 0 > 0, patience: patience).targets(servers)
        let addresses = sources.map { SourceAddresses(count: $0) } ?? .spread(for: targets)
        let names = targets.map(\.description).joined(separator: ", ")
        let stream = stream(targets)
        try Preflight.check(connections: stream.capacity, backlog: 0, listeners: 0, sources: addresses)
        let progress = ProgressLine(total: 1, isWanted: !json)
        var plan = LoadPlan(streams: [stream], sources: addresses, seconds: seconds, patience: patience)
        plan.reportsInterruption = true
        try Interruption.postpone()
        if threads == 1 {
            plan.progress = { fraction in
                try Interruption.check()
                progress.done = fraction
                progress.show("connecting to \(names)")
            }
        }
        defer { progress.clear() }
        let result = try LoadRun.run(plan, threads: threads)
        // The next Ctrl-C ends the process, even if the report is not read.
        let interruption = try Interruption.end()
        progress.clear()
        let report = LoadReport(result: result, servers: targets.map(\.description), isOpen: rate != nil)
        print(json ? try report.json() : report.text)
        if let interruption { throw interruption }
        guard result.streams[0].ledger.isClean else { throw ExitCode(1) }
    }

    private func stream(_ targets: [TargetAddress]) -> LoadStream {
        let request = work?.request ?? Array((http ? Work.requestText : unescaped(request)).utf8)
        let holds = work == .hold
        let most = mostClients
        return LoadStream(
            targets: targets,
            request: request,
            answer: work?.answer ?? .anything,
            ending: holds ? .hold : orderly ? .orderly : .reset,
            pace: rate.map { .open(perSecond: $0, atMost: most) } ?? .closed(inFlight: most),
            count: holds ? min(connections ?? most, most) : connections,
            exchanges: work?.exchanges ?? 1
        )
    }

    private var mostClients: Int { clients ?? (rate == nil ? 64 : 4096) }

    private func unescaped(_ text: String) -> String {
        text.replacing("\\r", with: "\r").replacing("\\n", with: "\n").replacing("\\0", with: "\0")
    }
}
