internal import Measuring

/// What is asked on the command line.
struct Arguments {
    static let usage = """
        usage: hosts [--connections N] [--engine NAME] [--foreign FOLDER] [HOST ...]

        Has each host of Examples/Embedding serve the same clients, and balances three accounts: what the clients got, what the host
        has counted, and which descriptors the host's process has open.

          --connections N    how many clients each host serves before it ends, 10 to 1,000,000; 20,000 if not given
          --engine NAME      ring or epoll; epoll where there is no ring, if not given
          --foreign FOLDER   where hosts in other languages are; ./dev hosts builds them and says where
          HOST               only this host; all that there are, if none is given

        Each host has two listeners. Half of the crowds connect while its process is held, and are greeted when that goes on. In
        between and at the end the host is asked what it has counted. Then it is held with clients in its queue and asked to
        drain: all of them are greeted. Once more it is started, held, and asked to drain and to stop: each is greeted or reset.

        Exit status: 0 if all accounts balance, 1 if one does not, 2 for wrong usage, 128 and the signal's number if interrupted.

        Hosts: \(HostProgram.swift.joined(separator: ", "))
        With --foreign: \(HostProgram.foreign.joined(separator: ", "))
        """

    private(set) var connections = 20_000
    /// What the servers run on, if it is said.
    private(set) var engine: String?
    private(set) var hosts: [HostProgram] = []

    init(_ words: some Sequence<String>) throws {
        var words = Array(words)[...]
        var names: [String] = []
        var folder: String?
        while let word = words.popFirst() {
            switch word {
            case "--connections": connections = try Self.connections(words.popFirst())
            case "--engine": engine = try WrongUsage.engine(words.popFirst())
            case "--foreign": folder = try Self.folder(words.popFirst())
            case let word where word.hasPrefix("-"): throw WrongUsage("\"\(word)\" is no option")
            default: names.append(word)
            }
        }
        if names.isEmpty { names = HostProgram.swift + (folder == nil ? [] : HostProgram.foreign) }
        hosts = try names.map { try HostProgram($0, foreign: folder) }
    }

    private static func connections(_ word: String?) throws(WrongUsage) -> Int {
        guard let word, let number = Int(word), (10...1_000_000).contains(number) else {
            throw WrongUsage("--connections wants a number from 10 to 1,000,000, not \(word ?? "nothing")")
        }
        return number
    }

    private static func folder(_ word: String?) throws(WrongUsage) -> String {
        guard let word else { throw WrongUsage("--foreign wants a folder") }
        return word
    }
}
