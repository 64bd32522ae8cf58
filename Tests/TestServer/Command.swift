/// What the process can be told to do, as a line: a word, and what belongs to it, with spaces in between.
enum Command {
    /// `start LEVEL PORT KEPT`: a server on a thread of its own. Answers as `run` does up to `listening`.
    case start(Plan)
    /// `run LEVEL PORT KEPT`: a server on the main thread, until SIGINT or SIGTERM. Answers `listening` with its addresses,
    /// its level and how it accepts when it has begun, `ended` with the reason, how many connections it accepted and how many
    /// it delivered when it terminates, then `stopped`; or `failed` with code, operation, address and error number.
    case run(Plan)
    /// `stop`: stops the server that was started first. Answers `ended` as `run` does, then `stopped`.
    case stop
    /// `burst COUNT`: sends the server that was started first so many casts while it is in a callback. Answers `handled` and
    /// how many it has handled since it began.
    case burst(Int)
    /// `child KIND`: makes a child process on the main thread. Answers `child` and its number.
    case child(ChildProcess.Kind)
    /// `child-in-callback KIND`: makes a child process when the next connection is delivered. Answers `armed`, and then as
    /// `child` does.
    case childInCallback(ChildProcess.Kind)
    /// `reap`: ends the children that are left. Answers `reaped` and the status of each.
    case reap

    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("start", 4):
            guard let plan = Plan(words.dropFirst()) else { return nil }
            self = .start(plan)
        case ("run", 4):
            guard let plan = Plan(words.dropFirst()) else { return nil }
            self = .run(plan)
        case ("stop", 1): self = .stop
        case ("burst", 2):
            guard let count = Int(words[1]) else { return nil }
            self = .burst(count)
        case ("child", 2):
            guard let kind = ChildProcess.Kind(rawValue: words[1]) else { return nil }
            self = .child(kind)
        case ("child-in-callback", 2):
            guard let kind = ChildProcess.Kind(rawValue: words[1]) else { return nil }
            self = .childInCallback(kind)
        case ("reap", 1): self = .reap
        default: return nil
        }
    }
}
