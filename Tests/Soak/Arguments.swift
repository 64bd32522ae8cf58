internal import Measuring

/// What is asked on the command line.
struct Arguments {
    /// How the program is told to be the server; for its own use.
    static let serverRole = "--be-the-server"

    static let usage = """
        usage: soak [MINUTES] [--engine NAME] [--seed NUMBER] [--phase NAME] ...

        Plays hardships of all kinds on a live server, in rounds, each round in an order of its own, until the time is up,
        and two rounds at least. A ledger knows every connection; after each phase it is balanced with what the server has
        counted, and descriptors and threads must be what they were. Resident memory must not grow after the first round.

          MINUTES          how long; 1 if not given, and 0.5 will do
          --engine NAME    ring or epoll; epoll where there is no ring, if not given
          --seed NUMBER    play as the run that printed this seed
          --phase NAME     play only this one; may be given again

        Exit status: 0 if everything balances, 1 if not, 2 for wrong usage, 128 and the signal's number if interrupted.

        Examples:
          soak 5
          soak 5 --engine epoll
          soak 0.5 --seed 42
          soak --phase flood --phase "slow reader"

        Phases: \(Phases.all.map(\.name).joined(separator: ", "))
        """

    private(set) var length = Duration.seconds(60)
    private(set) var seed: UInt64
    /// What the servers run on, if it is said.
    private(set) var engine: String?
    private(set) var phases: [any Phase] = []

    init(_ words: some Sequence<String>) throws(WrongUsage) {
        seed = Randomness.drawSeed()
        var words = Array(words)[...]
        while let word = words.popFirst() {
            switch word {
            case "--engine": engine = try WrongUsage.engine(words.popFirst())
            case "--seed": seed = try Self.number(words.popFirst())
            case "--phase": phases.append(try Self.phase(words.popFirst()))
            default: length = try Self.minutes(word)
            }
        }
        if phases.isEmpty { phases = Phases.all }
    }

    private static func number(_ word: String?) throws(WrongUsage) -> UInt64 {
        guard let word, let number = UInt64(word) else {
            throw WrongUsage("--seed wants a number, not \(word ?? "nothing")")
        }
        return number
    }

    private static func phase(_ word: String?) throws(WrongUsage) -> any Phase {
        guard let phase = Phases.all.first(where: { $0.name == word }) else {
            throw WrongUsage("there is no phase \"\(word ?? "")\"")
        }
        return phase
    }

    private static func minutes(_ word: String) throws(WrongUsage) -> Duration {
        guard let minutes = Double(word), minutes > 0, minutes <= 1_000_000 else {
            throw WrongUsage("\"\(word)\" is no number of minutes")
        }
        return .seconds(minutes * 60)
    }
}
