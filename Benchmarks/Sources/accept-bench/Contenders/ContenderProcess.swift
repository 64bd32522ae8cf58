import Foundation
import LoopbackClient
import Measuring

/// A contender that runs.
///
/// ```
///  started ─ listens, answers ─▶ serving ⇄ stopped (SIGSTOP) ─ stop ─▶ ended, and has said what it accepted
/// ```
final class ContenderProcess {
    let contender: Contender
    let options: ServeOptions
    let targets: [TargetAddress]
    /// How many connections the clients have had with it in all, for the account at the end.
    var connected = 0
    private let process: ChildProcess
    /// What an external one was found to answer to several requests.
    private var learned: LoadStream.Answer?

    private static let startLimit = 10.0

    /// Starts it, and returns once it answers.
    ///
    /// - Parameters:
    ///   - contender: what is started.
    ///   - options: where it listens, and what it does.
    ///   - placement: where it runs.
    /// - Throws: ``Failure`` if it does not start, ends, or does not answer.
    init(_ contender: Contender, _ options: ServeOptions, on placement: Placement?) throws {
        var options = options
        // Others' servers are told a port only, and listen at any address perhaps.
        if !contender.isExternal { options.host = OwnHost.address }
        options.port = try UnusedPort.find(options.listeners, of: contender.isExternal ? "0.0.0.0" : options.host)
        self.contender = contender
        self.options = options
        let command = try contender.command(options)
        // If this process is killed and can clean up nothing, it goes too.
        let bound = ["setpriv", "--pdeathsig", "KILL"] + (placement?.onServerCPU(command) ?? command)
        process = try ChildProcess(bound)
        targets = try Self.awaitListeners(process, contender, options)
        try awaitAnswer()
    }

    /// It and those it has started.
    func processes() throws -> [pid_t] {
        contender.isExternal ? try ProcessGroup.members(of: process.identifier) : [process.identifier]
    }

    func failIfEnded() throws {
        try process.expectRunning()
    }

    /// Stops it in its tracks: returns once all of it stands still.
    func freeze() throws {
        let processes = try processes()
        try process.signalGroup(SIGSTOP)
        for _ in 0..<1000 {
            if ProcessGroup.isStopped(processes) { return }
            usleep(1000)
        }
        throw Failure("does not stop")
    }

    func thaw() throws {
        try process.signalGroup(SIGCONT)
    }

    /// Ends it.
    ///
    /// - Returns: what it said at the end; nil from one that is not ours and says nothing.
    func stop() throws -> ContenderReport? {
        try? thaw()
        if !process.hasEnded { try process.send(SIGTERM) }
        guard try process.waitUntilEnded(seconds: 5) else {
            throw Failure("does not end when it is asked to (SIGTERM), and was killed")
        }
        return contender.isExternal ? nil : try ContenderReport(process.printed)
    }

    private static func awaitListeners(
        _ process: ChildProcess,
        _ contender: Contender,
        _ options: ServeOptions
    ) throws -> [TargetAddress] {
        guard !contender.isExternal else { return [try .loopback(port: options.port)] }
        let deadline = Moment.now() + Moment(seconds: startLimit)
        while true {
            let addresses = announced(in: process.printed)
            if addresses.count >= options.listeners { return try addresses.map { try TargetAddress($0) } }
            try process.expectRunning()
            try Interruption.check()
            guard Moment.now() < deadline else { throw Failure("does not listen\(process.lastWords)") }
            usleep(2000)
        }
    }

    /// Where it says that it listens, in whole lines: it may be about to write the rest of the last one.
    static func announced(in printed: String) -> [String] {
        let sign = "listening on "
        return printed.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .filter { $0.hasPrefix(sign) }
            .map { String($0.dropFirst(sign.count)) }
    }

    /// One connection to each listener, as it will be measured.
    private func awaitAnswer() throws {
        let deadline = Moment.now() + Moment(seconds: Self.startLimit)
        while true {
            if contender.isExternal, options.work.exchanges > 1, learned == nil {
                do {
                    learned = try AnswerProbe.learn(at: targets[0], options.work)
                } catch let failure as Failure {
                    try process.expectRunning()
                    try Interruption.check()
                    guard Moment.now() < deadline else { throw failure }
                    usleep(20_000)
                    continue
                }
            }
            let result = try LoadRun.run(probe)
            let ledger = result.streams[0].ledger
            connected += ledger.connected
            if ledger.isClean { return }
            try process.expectRunning()
            try Interruption.check()
            guard ledger.refused > 0, Moment.now() < deadline else {
                let complaint =
                    ledger.refused > 0
                    ? "does not listen on port \(targets[0].port)"
                    : "does not answer: \(ledger.complaint ?? "nothing came")"
                throw Failure(complaint + process.lastWords)
            }
            usleep(20_000)
        }
    }

    private var probe: LoadPlan {
        let stream = LoadStream(
            targets: targets,
            request: options.work.request,
            answer: answer,
            ending: options.work == .hold ? .hold : .reset,
            pace: .closed(inFlight: options.work == .hold ? targets.count : min(16, targets.count)),
            count: targets.count,
            exchanges: options.work.exchanges
        )
        return LoadPlan(streams: [stream], sources: .kernels, seconds: 5, patience: 2)
    }

    /// What its clients expect. One that is not ours says what it likes.
    var answer: LoadStream.Answer {
        learned ?? (contender.isExternal && options.work != .none ? .anything : options.work.answer)
    }
}
