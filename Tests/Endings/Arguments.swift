internal import Measuring

/// What is asked on the command line.
struct Arguments {
    /// How the program is told to be the server; for its own use.
    static let serverRole = "--be-the-server"

    static let usage = """
        usage: endings [--connections N] [--engine NAME] [--greeting BYTES] [--seed NUMBER] [--row NAME] ...

        Tries how a server ends its connections. Clients speak out of turn, while a batch of connections ends, have small buffers,
        read late, slowly or never, or reset. Each knows to the byte what it is owed: the whole greeting, then the end of the
        stream. After each row of the table the server's accounts must be exact: every connection delivered, none left open.

          --connections N    how many in each row, 1 to 1,000,000; 500 if not given. A row of crowds has one crowd more, which
                             is silent: it tells how long this machine takes for one
          --engine NAME      ring or epoll; epoll where there is no ring, if not given
          --greeting BYTES   the greeting of clients that speak, 1 to 1,048,576; 17 if not given
          --seed NUMBER      play as the run that printed this seed
          --row NAME         play only this one; may be given again

        The table tells what clients came to. Clients that are to read everything: "whole". Those that never read, or never end:
        "expired". Those that reset: "left". Anything else is a loss: reset before a byte of the greeting ("nothing"), in the
        middle of it ("cut") or before its end was read ("no end"); a clean end before the last byte ("short end"). "reset after"
        is no loss: the end was read, and the connection reset by then.

        Exit status: 0 if nothing is lost, 1 if something is, 2 for wrong usage, 128 and the signal's number if interrupted.

        Examples:
          endings
          endings --engine epoll --connections 30000
          endings --row "speak 100 bytes, 250 at once" --connections 10000
          endings --seed 42

        Rows: \(Rows.all.map(\.name).joined(separator: "; "))
        """

    private(set) var connections = 500
    /// What the servers run on, if it is said.
    private(set) var engine: String?
    private(set) var greeting = 17
    private(set) var seed: UInt64
    private(set) var rows: [any Row] = []

    init(_ words: some Sequence<String>) throws(WrongUsage) {
        seed = Randomness.drawSeed()
        var words = Array(words)[...]
        while let word = words.popFirst() {
            switch word {
            case "--connections": connections = try Self.number(word, words.popFirst(), in: 1...1_000_000)
            case "--engine": engine = try WrongUsage.engine(words.popFirst())
            case "--greeting": greeting = try Self.number(word, words.popFirst(), in: 1...1 << 20)
            case "--seed": seed = UInt64(try Self.number(word, words.popFirst(), in: 0...Int.max))
            case "--row": rows.append(try Self.row(words.popFirst()))
            default: throw WrongUsage("\"\(word)\" is no option")
            }
        }
        if rows.isEmpty { rows = Rows.all }
    }

    private static func number(_ option: String, _ word: String?, in range: ClosedRange<Int>) throws(WrongUsage) -> Int
    {
        guard let word, let number = Int(word), range.contains(number) else {
            let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
            throw WrongUsage("\(option) wants \(wanted), not \(word ?? "nothing")")
        }
        return number
    }

    private static func row(_ word: String?) throws(WrongUsage) -> any Row {
        guard let row = Rows.all.first(where: { $0.name == word }) else {
            throw WrongUsage("there is no row \"\(word ?? "")\"")
        }
        return row
    }
}
