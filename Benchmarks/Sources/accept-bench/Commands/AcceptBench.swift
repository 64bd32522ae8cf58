import ArgumentParser
import Glibc
import Measuring

/// Measures what accepting connections costs, and compares servers that do it.
///
/// The method is in Benchmarks/README.md.
@main
struct AcceptBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept-bench",
        abstract: "Compare what it costs servers to accept connections: CPU, latency, memory.",
        discussion: """
            Without a subcommand it compares nb-server with plain C loops, in at most three minutes, prints a table and \
            leaves a folder with the raw data; `accept-bench compare --help` lists what it can be told. `serve` and `load` run a server or the clients alone, for two machines.

            Examples:
              accept-bench
              accept-bench --scenario backlog --scenario turnaround --rounds 15
              accept-bench --full
              accept-bench --contender ours --contender ring --json
              accept-bench --external 'nginx=Recipes/nginx {port} turnaround'

              accept-bench serve ours --listen 0.0.0.0:7777 --work turnaround
              accept-bench load 192.0.2.1:7777 --http --clients 256 --seconds 10
            """,
        subcommands: [CompareCommand.self, ServeCommand.self, LoadCommand.self],
        defaultSubcommand: CompareCommand.self
    )

    /// Exit status: 0 when all went well, 1 when something compared has no result, 2 when there is none at all, 130 after
    /// Ctrl-C.
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
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
}
