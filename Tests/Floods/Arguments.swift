internal import Measuring

/// What is asked on the command line.
struct Arguments {
    static let usage = """
        usage: floods [--connections N] [--engine NAME] [--shards N] ...

        Floods groups of servers that have limits, from 200 source addresses, and prints for each group what was asked, let in and
        refused, and how. The figures are exact: those of the clients and those of the servers must be what the limits say.

          --connections N   how many ask in each row, a multiple of 1,000 from 1,000 to 100,000; 20,000 if not given
          --engine NAME     ring or epoll; both, if not given
          --shards N        how many servers share the port, 1 to 1,024; may be given again; 1, 4 and 64 if not given

        Columns: "let in" got the greeting; "over limit" and "over source" found no place in all, for the listener, or for their
        source; "denied" came from a source that a rule denies. "reset" and "last word" tell how the refused ones were answered.
        A rate lets more in the longer the flood takes: at one a second, a burst and one for each second, in all or of each source.

        Exit status: 0 if all figures are exact, 1 if one is not, 2 for wrong usage, 128 and the signal's number if interrupted.

        Examples:
          floods
          floods --connections 1000 --shards 4 --engine epoll
        """

    private(set) var connections = 20_000
    private(set) var engines = ["ring", "epoll"]
    private(set) var shards: [Int] = []

    init(_ words: some Sequence<String>) throws(WrongUsage) {
        var words = Array(words)[...]
        while let word = words.popFirst() {
            switch word {
            case "--connections": connections = try Self.connections(words.popFirst())
            case "--engine": engines = [try WrongUsage.engine(words.popFirst())]
            case "--shards": shards.append(try Self.number(word, words.popFirst(), in: 1...1024))
            default: throw WrongUsage("\"\(word)\" is no option")
            }
        }
        if shards.isEmpty { shards = [1, 4, 64] }
    }

    private static func connections(_ word: String?) throws(WrongUsage) -> Int {
        let number = try number("--connections", word, in: 1_000...100_000)
        guard number.isMultiple(of: 1_000) else {
            throw WrongUsage("--connections wants a multiple of 1000, not \(number)")
        }
        return number
    }

    private static func number(_ option: String, _ word: String?, in range: ClosedRange<Int>) throws(WrongUsage) -> Int
    {
        guard let word, let number = Int(word), range.contains(number) else {
            let wanted = "a number from \(range.lowerBound) to \(range.upperBound)"
            throw WrongUsage("\(option) wants \(wanted), not \(word ?? "nothing")")
        }
        return number
    }
}
