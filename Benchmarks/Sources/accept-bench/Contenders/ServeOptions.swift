import LoopbackClient
import Measuring

/// Where a contender is to listen and what it is to do there.
struct ServeOptions: Sendable {
    var host = "127.0.0.1"
    /// The first port; 0 for any.
    var port: UInt16 = 0
    var listeners = 1
    /// Threads, each with a loop and listeners of its own on the same ports.
    var shards = 1
    var work = Work.banner
    /// Microseconds between two calls from another thread; 0 for none.
    var callInterval = 0

    var address: String { "\(host):\(port)" }
}

extension Contender {
    /// The command that starts it.
    func command(_ options: ServeOptions) throws -> [String] {
        var common = [
            "--listen", options.address, "--listeners", "\(options.listeners)", "--work", options.work.rawValue,
            "--call-interval", "\(options.callInterval)",
        ]
        if options.shards > 1 { common += ["--shards", "\(options.shards)"] }
        if let admission { common += ["--admission", admission.rawValue] }
        switch program {
        case .ours(.fromC):
            return [try ProgramPath.besideThisOne("accept-bench-from-c"), "--loop", "epoll", "--finish"] + common
        case .ours(let setting):
            return [try ProgramPath.itself(), "serve", setting.rawValue] + common
        case .loop(let loop, let depth, let steps):
            let program = try ProgramPath.besideThisOne("accept-bench-loops")
            let depth = depth.map { ["--depth", "\($0)"] } ?? []
            return [program, "--loop", loop] + common + depth + steps.arguments
        case .nio(let loops):
            return [try Self.nioProgram] + common + (loops.map { ["--loops", "\($0)"] } ?? [])
        case .nioBehindOurs:
            return [try Self.nioProgram] + common + ["--behind-nb-server"]
        case .external(let command):
            let words = command.replacing(Contender.portMark, with: "\(options.port)")
                .replacing(Contender.requestsMark, with: "\(options.work.exchanges)")
                .replacing(Contender.shardsMark, with: "\(options.shards)")
            return ["sh", "-c", "exec " + words]
        }
    }

    private static var nioProgram: String {
        get throws {
            guard let program = ProgramPath.nio() else {
                throw Failure("not built: swift build -c release --package-path Benchmarks/NIO")
            }
            return program
        }
    }
}

extension Contender.Steps {
    fileprivate var arguments: [String] {
        switch self {
        case .plain: []
        case .finishing: ["--finish"]
        }
    }
}
