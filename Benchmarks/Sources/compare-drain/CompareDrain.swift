import ArgumentParser
import Glibc
import LoopbackClient
import Measuring
import Uring

/// Compares the CPU time per connection of `soup` with that of the plain C loop, `reference-ring`.
///
/// The method is in Benchmarks/README.md.
@main
struct CompareDrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-drain",
        abstract: "Compare the server CPU time per connection of soup with that of a plain C loop.",
        discussion: """
            Every server in turn is stopped, given connections that wait in its accept queue, continued, and timed \
            until it has greeted and closed them all. Rounds are interleaved.

            Exit status: 0 within the limit, 1 above it, 2 when there is no result.

            Examples, from Benchmarks/, after `swift build -c release`:
              .build/release/compare-drain
              .build/release/compare-drain --rounds 9 --limit 1.05
              .build/release/compare-drain --soup /tmp/soup --connections 1000
            """
    )

    @Option(help: "The soup program. It is started as 'soup 127.0.0.1:PORT'.")
    var soup = "../.build/release/soup"

    @Option(help: "Connections per drain.")
    var connections = 3000

    @Option(help: "Drains of each server.")
    var rounds = 27

    @Option(help: "The highest ratio of soup to the best C loop that passes.")
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
            write(fullMessage(for: error) + "\n", to: isHelp ? STDOUT_FILENO : STDERR_FILENO)
            Glibc.exit(isHelp ? 0 : 2)
        }
    }

    func validate() throws {
        guard connections > 0 else { throw ValidationError("--connections must be at least 1") }
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
        guard limit > 0 else { throw ValidationError("--limit must be above 0") }
    }

    func run() throws {
        try Interruption.postpone()
        try SystemLimits.admit(connections: connections)
        let placement = try Placement.ofThisProcess()
        try placement?.pinClients()

        let steal = try StealTime()
        let report = try Comparison(soup: soup, rounds: rounds, connections: connections, placement: placement).run()
        print("\(rounds) interleaved rounds of \(connections) connections, \(Placement.describe(placement))")
        print("io_uring: \(try Ring().features)")
        print("steal time: \(try steal.percentageSince().fixed(1)) %")
        print("choice of the C loop: \(report.choice) µs per connection\n")
        print(report.table)
        print(report.verdict(limit: limit))
        guard report.ratio <= limit else { throw ExitCode(1) }
    }
}
