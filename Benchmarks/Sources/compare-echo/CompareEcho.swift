import ArgumentParser
import Glibc
import LoopbackClient
import Measuring
import NBUring

/// Compares the CPU time of workers, for each message or short connection, with that of plain C loops.
///
/// The method is in Benchmarks/README.md.
@main
struct CompareEcho: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-echo",
        abstract: "Compare the server CPU time of workers with that of plain C loops on io_uring and epoll.",
        discussion: """
            Every server in turn is given the same load, and its CPU time is read before and after. Rounds are interleaved.

            Ctrl-C ends the run and prints what was measured until then.

            Exit status: 0 within the limit, 1 above it, 2 when there is no result, 130 after Ctrl-C.

            Examples, from Benchmarks/, after `swift build -c release`:
              .build/release/compare-echo
              .build/release/compare-echo --work turnaround --pausing
              .build/release/compare-echo --work turnaround --pausing --exchanges 4 --held 15000
            """
    )

    @Option(help: "echo: long-lived connections in lock step; turnaround: short ones.")
    var work = Work.echo

    @Option(help: "The echo program. It is started as 'echo 127.0.0.1:PORT'.")
    var echo = "../.build/release/echo"

    @Option(help: "Connections at a time.")
    var connections = 1000

    @Option(help: "How often each of them speaks in a round, or how often so many are opened.")
    var exchanges = 10

    @Flag(help: "Stop the server until all clients have spoken, so that it always has more to do.")
    var pausing = false

    @Option(help: "Idle connections that one more of our servers holds meanwhile.")
    var held = 0

    @Option(help: "Rounds of each server.")
    var rounds = 15

    @Option(help: "The highest ratio to the best C loop that passes.")
    var limit = 1.10

    static func main() {
        do {
            try parse().run()
        } catch let interruption as Interruption {
            Glibc.exit(128 + interruption.signal)
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            let isHelp = exitCode(for: error).isSuccess
            writeText(fullMessage(for: error) + "\n", to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
            Glibc.exit(isHelp ? 0 : 2)
        }
    }

    func validate() throws {
        guard exchanges > 0 else { throw ValidationError("--exchanges must be at least 1") }
        guard connections > 0 else { throw ValidationError("--connections must be at least 1") }
        guard held == 0 || held > 0 && work == .turnaround && pausing else {
            throw ValidationError("--held goes with --work turnaround --pausing")
        }
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
        guard limit > 0 else { throw ValidationError("--limit must be above 0") }
    }

    func run() throws {
        try Interruption.postpone()
        try SystemLimits.admit(connections: connections)
        // Those of all echo servers are open together.
        try SystemLimits.raiseDescriptorLimit(connections: work == .echo ? 16 * connections : held + connections)
        let placement = try Placement.ofThisProcess()
        try placement?.pinClients()

        let steal = try StealTime()
        let load = Load(work: work, connections: connections, exchanges: exchanges, isPausing: pausing)
        let report = try Comparison(echo: echo, rounds: rounds, load: load, held: held, placement: placement).run()
        // The servers are gone: the next Ctrl-C ends the process.
        _ = try Interruption.end()
        if report.interruption != nil { print("INTERRUPTED after \(report.rounds) of \(rounds) rounds") }
        print(
            "\(work): \(report.rounds) interleaved rounds of \(exchanges) × \(connections), "
                + "\(pausing ? "pausing, " : "")\(Placement.describe(placement))"
        )
        print("io_uring: \(try Ring().features)")
        print("steal time: \(try steal.percentageSince().fixed(1)) %")
        print("choice of the C loop: \(report.choice) µs each\n")
        print(report.table)
        if let held = report.held { print(held) }
        print(report.verdict(limit: limit))
        if let interruption = report.interruption { throw interruption }
        guard report.ratio <= limit else { throw ExitCode(1) }
    }
}
