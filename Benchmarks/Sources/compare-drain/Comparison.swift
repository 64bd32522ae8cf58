import Measuring

/// The whole measurement: finds the best depth for the C loop, then compares soup with it.
struct Comparison {
    private static let depths = [64, 256, 8192]
    private static let roundsToChoose = 9

    let soup: String
    let rounds: Int
    let connections: Int
    let placement: Placement?

    /// The depth is chosen in rounds of its own. The lowest of three figures is low partly by luck, and a comparison
    /// with that very figure would be unfair to soup.
    func run() throws -> Report {
        let soupProgram = try Program.at(soup, hint: "build soup in the package above, or give --soup PATH")
        let soup = try Contender("soup", on: placement) { [soupProgram, $0.description] }
        let choice = try chooseReference()
        let contenders = [
            soup,
            choice.best,
            // Another process of the same program: what an equal of the C loop scores in these rounds.
            try startReference("\(choice.best.name), control", choice.arguments),
            try startReference("C 256 --check-input", ["--completions", "256", "--check-input"]),
            try startReference(
                "C 256 --check-input --hold-greeting",
                ["--completions", "256", "--check-input", "--hold-greeting"]
            ),
        ]
        let costs = try Rounds(count: rounds, connections: connections, purpose: "comparing").run(contenders)
        return Report(choice: choice.summary, names: contenders.map(\.name), costs: costs)
    }

    private func chooseReference() throws -> (best: Contender, arguments: [String], summary: String) {
        let arguments = Self.depths.map { ["--completions", "\($0)"] }
        let references = try zip(Self.depths, arguments).map { try startReference("C \($0)", $1) }
        let rounds = Rounds(count: Self.roundsToChoose, connections: connections, purpose: "choosing the depth")
        let medians = try rounds.run(references).map(\.median)
        let summary = zip(references, medians).map { "\($0.name) \($1.fixed(2))" }.joined(separator: ", ")
        let best = medians.indices.min { medians[$0] < medians[$1] } ?? 0
        return (references[best], arguments[best], summary)
    }

    private func startReference(_ name: String, _ arguments: [String]) throws -> Contender {
        let program = try Program.besideThisOne("reference-ring")
        return try Contender(name, on: placement) { [program, "--port", "\($0.port)"] + arguments }
    }
}
