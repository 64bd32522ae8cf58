import ArgumentParser
import Glibc
import Measuring

/// Compares a call to an idle server with other ways to ask somebody and wait for the answer, and counts what casts cost.
///
/// The method is in Benchmarks/README.md.
@main
struct CompareCalls: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare-calls",
        abstract: "Compare a call to an idle server with an actor's, a queue's and a bare change of threads.",
        discussion: """
            Every contender in turn is asked for a number many times, one after the other. Rounds are interleaved. Then \
            threads send casts as fast as they can.

            Ctrl-C ends the run and prints what was measured until then; the exit status is 130.

            Examples, from Benchmarks/, after `swift build -c release`:
              .build/release/compare-calls
              taskset --cpu-list 0 .build/release/compare-calls
              .build/release/compare-calls --rounds 3 --calls 100 --casts 1000
            """
    )

    @Option(help: "Rounds in which everybody is asked.")
    var rounds = 27

    @Option(help: "How often each is asked in a round.")
    var calls = 2000

    @Option(help: "Casts per burst, of all its threads together.")
    var casts = 200_000

    @Option(help: "How many threads send the casts of a burst; may be given several times.")
    var threads = [1, 8]

    @Option(help: "Ask only those whose names begin like this, as for a profiler.")
    var only = ""

    static func main() {
        do {
            try parse().run()
        } catch let interruption as Interruption {
            Glibc.exit(128 + interruption.signal)
        } catch {
            exit(withError: error)
        }
    }

    func validate() throws {
        guard rounds > 0 else { throw ValidationError("--rounds must be at least 1") }
        guard calls > 0 else { throw ValidationError("--calls must be at least 1") }
        guard threads.allSatisfy({ $0 > 0 && $0 <= casts }) else {
            throw ValidationError("--threads must be at least 1, and --casts no less")
        }
    }

    func run() throws {
        let steal = try StealTime()
        try Interruption.postpone()
        let server = try CountingServer()
        let contenders = [
            try Contender.changeOfThreads(), .callBlocking(server), .call(server), .actor(), .queueSync(),
            .queueAsync(),
        ].filter { $0.name.hasPrefix(only) }
        guard !contenders.isEmpty else { throw ValidationError("nobody's name begins with \(only)") }
        let asked = try Rounds(count: rounds, calls: calls).run(contenders)
        var bursts: [(burst: Burst, costs: [Cost])] = []
        do {
            for threads in threads {
                bursts.append(try Burst(casts: casts, threads: threads).run(rounds, on: server))
            }
        } catch is Interruption {
            // What is here was finished.
        }
        let interruption = try Interruption.end()
        if interruption != nil { print("INTERRUPTED: this is what was measured until then") }
        print(
            "\(asked.rounds) interleaved rounds of \(calls) calls; steal time: \(try steal.percentageSince().fixed(1)) %\n"
        )
        print(asked)
        if let finished = bursts.map({ $0.costs.count }).max() {
            print("\(finished) bursts of \(casts) casts\n")
            print(BurstReport(bursts))
        }
        if let interruption { throw interruption }
    }
}
