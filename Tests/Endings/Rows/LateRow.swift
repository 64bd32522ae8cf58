internal import Glibc
internal import Measuring

/// Clients that read nothing until the server has said the last part of their greeting, and dropped the connection: what it says
/// last finds as much before it as the kernel has taken of the first part.
struct LateRow: Row {
    /// In microseconds. Buffers are as full as they get when delayed acknowledgments have come, 40 ms after a segment. If they are not,
    /// nothing is lost all the same; it is only harder to lose something then.
    private static let settlingTime: UInt32 = 100_000

    private let what: String
    private let parts: [ServerPlan.Part]
    private let sendBuffer: Int
    /// How many the server finishes in a batch: each as another client comes, in whole batches of these; else all at once.
    private let quantum: Int?

    var name: String { what + (quantum.map { ", in batches of \($0)" } ?? "") }

    init(_ what: String, _ parts: [ServerPlan.Part], sendBuffer: Int = 0, quantum: Int? = nil) {
        self.what = what
        self.parts = parts
        self.sendBuffer = sendBuffer
        self.quantum = quantum
    }

    func plan(greeting: Int) -> ServerPlan {
        // One that comes to the last listener has one that waits finished.
        var plan = ServerPlan(quantum == nil ? parts : parts + [.init(greeting)])
        plan.sendBuffer = sendBuffer
        if let quantum { plan.quantum = quantum }
        return plan
    }

    func play(on stage: Stage) throws {
        try stage.inCrowds(of: 96) { numbers in
            let middle = quantum == nil ? numbers.upperBound : numbers.lowerBound + numbers.count / 2
            let late = stage.crowd(numbers.lowerBound..<middle, parts: parts.indices, manner)
            try late.connect()
            try stage.waitForDeliveries(of: late)
            usleep(Self.settlingTime)
            try finish(late, with: middle..<numbers.upperBound, on: stage)
            // By its answer to another question the server has ended them, as far as it can.
            _ = try stage.process.account()
            for client in late.clients { client.read() }
            try stage.finish(late)
        }
    }

    /// Has the server say the last part and drop the connections; with others, for each of which it does so with one.
    private func finish(_ late: Crowd, with numbers: Range<Int>, on stage: Stage) throws {
        guard quantum != nil else {
            let count = try stage.process.finishWaiting()
            guard count == late.clients.count else { throw Failure("\(count) of \(late.clients.count) waited") }
            return
        }
        let others = try stage.whilePaused {
            let others = stage.crowd(numbers, parts: parts.count..<parts.count + 1) { _ in Manner() }
            try others.connect()
            return others
        }
        try stage.finish(others)
    }

    /// Without a small receive buffer the client's system would take all of it.
    private func manner(_ number: Int) -> Manner {
        Manner(reading: .whenTold, segmentSize: 1_448, receiveBuffer: 4_096, window: 4_096)
    }
}
