import LoopbackClient
import Measuring

/// The whole measurement: finds the best C loop on io_uring, then compares ours, and loops on epoll, with it.
struct Comparison {
    private static let roundsToChoose = 5

    let echo: String
    let rounds: Int
    let load: Load
    /// How many idle connections one more of our servers holds; none if 0.
    let held: Int
    let placement: Placement?

    /// The C loop is chosen in rounds of its own: the lowest of several figures is low partly by luck.
    func run() throws -> Report {
        let choice = try chooseRing()
        let control = try reference("ring", "\(choice.best.name), control", choice.arguments)
        let contenders = try ours() + [choice.best, control] + epolls()
        let (costs, interruption) = try Rounds(count: rounds, purpose: "comparing").run(contenders)
        return Report(
            choice: choice.summary,
            names: contenders.map(\.name),
            costs: costs,
            best: contenders.count - 2 - epollArguments.count,
            bytesPerHeldConnection: contenders.compactMap(\.bytesPerHeldConnection).first,
            interruption: interruption
        )
    }

    private func ours() throws -> [Contender] {
        let workers = try ProgramPath.besideThisOne("worker-server")
        switch load.work {
        case .echo:
            let echo = try ProgramPath.at(echo, hint: "build echo in the package above, or give --echo PATH")
            return [
                try Contender("echo", load, on: placement) { [echo, $0.description] },
                try Contender("worker, continuous", load, on: placement) { [workers, "continuous", $0.description] },
                try Contender("worker, continuous, 4096", load, on: placement) {
                    [workers, "continuous", $0.description, "4096"]
                },
            ]
        case .turnaround:
            return [
                try Contender("worker", load, on: placement) { [workers, "close", $0.description] },
                try Contender("worker, 4096", load, on: placement) { [workers, "close", $0.description, "4096"] },
            ] + (held > 0 ? [try holder(workers)] : [])
        }
    }

    private func holder(_ workers: String) throws -> Contender {
        try Contender("worker, \(held) held", load, on: placement, held: held) { [workers, "close", $0.description] }
    }

    private func chooseRing() throws -> (best: Contender, arguments: [String], summary: String) {
        let kinds = load.work == .echo ? [[], ["--multishot"]] : [["--close"]]
        let arguments = kinds.flatMap { kind in ["256", "1024", "4096"].map { kind + ["--completions", $0] } }
        let references = try arguments.map { try reference("ring", "C ring \($0.joined(separator: " "))", $0) }
        let chosen = try Rounds(count: Self.roundsToChoose, purpose: "choosing the C loop").run(references)
        if let interruption = chosen.interruption { throw interruption }
        let medians = chosen.costs.map(\.median)
        let summary = zip(references, medians).map { "\($0.name) \($1.fixed(2))" }.joined(separator: ", ")
        let best = medians.indices.min { medians[$0] < medians[$1] } ?? 0
        return (references[best], arguments[best], summary)
    }

    private var epollArguments: [[String]] {
        load.work == .echo ? [[]] : [["--close"], ["--close", "--eager"]]
    }

    private func epolls() throws -> [Contender] {
        try epollArguments.map { try reference("epoll", "C epoll \($0.joined(separator: " "))", $0) }
    }

    private func reference(_ kind: String, _ name: String, _ arguments: [String]) throws -> Contender {
        let program = try ProgramPath.besideThisOne("reference-echo-\(kind)")
        return try Contender(name, load, on: placement) { [program, "--port", "\($0.port)"] + arguments }
    }
}
