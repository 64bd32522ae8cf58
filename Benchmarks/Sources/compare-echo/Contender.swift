import LoopbackClient
import Measuring

/// One of the servers compared, and its clients.
final class Contender {
    private let process: ServerProcess
    private let load: Load
    private var clients: ClientBatch

    var name: String { process.name }

    /// The memory each idle connection has cost, if it holds any.
    private(set) var bytesPerHeldConnection: Double?

    /// Starts the server, and returns once it answers; long-lived connections are open then, and so are `held` idle ones.
    init(
        _ name: String,
        _ load: Load,
        on placement: Placement?,
        held: Int = 0,
        command: (Endpoint) -> [String]
    ) throws {
        self.load = load
        let process = try ServerProcess(name, on: placement, command: command) {
            var clients = ClientBatch(to: $0)
            try clients.open(1)
            try clients.say(Work.message)
            try clients.expect(Work.message)
        }
        self.process = process
        clients = ClientBatch(to: process.endpoint)
        let speaking = load.work == .echo ? load.connections : 0
        try process.named { try clients.open(inStepsTo: speaking, Work.message) }
        if held > 0 { try process.named { try hold(held) } }
    }

    /// What the kernel holds for them is not the process's.
    private func hold(_ count: Int) throws {
        // What any server of its kind needs once is there already.
        _ = try run()
        let before = try process.memory
        try clients.open(count)
        _ = try process.cpuTimeOnceIdle()
        bytesPerHeldConnection = Double(try process.memory - before) / Double(count)
    }

    /// The microseconds of CPU time that each message, or each short connection, has cost the server.
    func run() throws -> Double {
        try process.named {
            let before = try process.cpuTimeOnceIdle()
            for _ in 0..<load.exchanges {
                if load.isPausing { try process.stop() }
                switch load.work {
                case .echo: try exchange(clients, thenEnd: false)
                case .turnaround:
                    var clients = ClientBatch(to: process.endpoint)
                    try clients.open(load.connections)
                    try exchange(clients, thenEnd: true)
                }
            }
            let after = try process.cpuTimeOnceIdle()
            return after.microseconds(since: before) / Double(load.exchanges * load.connections)
        }
    }

    private func exchange(_ clients: borrowing ClientBatch, thenEnd: Bool) throws {
        try clients.say(Work.message)
        if load.isPausing { try process.resume() }
        if thenEnd { try clients.expectToEnd(Work.message) } else { try clients.expect(Work.message) }
    }
}
