import Measuring

extension Contender {
    /// One that is not ours, from what `--external` is given.
    init(external text: String) throws {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw Failure("--external is 'NAME=COMMAND with {port}', not '\(text)'")
        }
        let name = String(text[..<equals])
        let command = String(text[text.index(after: equals)...])
        guard Contender.named(name) == nil else { throw Failure("'\(name)' is the name of a contender that is ours") }
        guard command.contains(Self.portMark) else {
            throw Failure("the command of '\(name)' needs {port} in it, for the port to listen on: '\(command)'")
        }
        self.init(name: name, summary: command, program: .external(command))
    }

    /// What stands for the port in an external contender's command.
    static let portMark = "{port}"
    /// What stands for how many requests a connection has before the server closes it.
    static let requestsMark = "{requests}"
    /// What stands for how many threads or processes serve.
    static let shardsMark = "{shards}"

    /// Whether an external one closes a connection after as many requests as it is told.
    var isToldRequests: Bool {
        if case .external(let command) = program { command.contains(Self.requestsMark) } else { false }
    }
}
