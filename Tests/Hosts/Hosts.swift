@preconcurrency internal import Glibc
internal import LoopbackClient
internal import Measuring

/// The run: one host after the other, each with its line.
struct Hosts {
    private let arguments: Arguments
    private let progress: ProgressLine

    init(_ arguments: Arguments) throws {
        self.arguments = arguments
        progress = ProgressLine(total: Double(arguments.hosts.count))
        try Interruption.postpone()
        // The hosts inherit the limit.
        try SystemLimits.admit(connections: HostLedger.held)
        // The hosts find it in their environment.
        if let engine = arguments.engine { setenv("NB_SERVER_ENGINE", engine, 1) }
    }

    /// - Returns: the exit status.
    func run() -> Int32 {
        let width = arguments.hosts.map(\.name.count).max() ?? 0
        var failed: [String] = []
        for host in arguments.hosts {
            progress.show(host.name)
            do {
                var ledger = HostLedger(host, connections: arguments.connections)
                let figures = try ledger.play()
                progress.clear()
                let gap = String(repeating: " ", count: width - host.name.count)
                writeText("\(host.name)\(gap)  \(figures)\n", to: STDOUT_FILENO)
            } catch let interruption as Interruption {
                progress.clear()
                return 128 + interruption.signal
            } catch {
                progress.clear()
                writeText("hosts: PROBLEM: \(host.name): \(error)\n", to: STDERR_FILENO)
                failed.append(host.name)
            }
            progress.done += 1
        }
        if failed.isEmpty {
            print("hosts: all accounts balance")
        } else {
            print("hosts: FAILED: \(failed.joined(separator: ", "))")
        }
        return failed.isEmpty ? 0 : 1
    }
}
