// A ring with a batch of its own and a time limit on every wait. The limit only fails a test; none is right because of
// it.

import NBEngine
import NBUring
import Testing

struct DrivenRing: ~Copyable {
    /// Nothing on loopback takes this long, not in an emulated machine either; who waits longer waits for what never comes.
    private static let patience = Duration.seconds(60)

    var ring: Ring
    private var batch: CompletionBatch

    /// A ring that stands on exactly this level.
    init(_ level: KernelLevel, submissionDepth: Int = 64, completionDepth: Int = 128) throws {
        let ring = try Ring(
            RingOptions(submissionDepth: submissionDepth, completionDepth: completionDepth, highestLevel: level)
        )
        let granted = ring.features.level
        try #require(granted == level)
        self.ring = ring
        batch = CompletionBatch(capacity: completionDepth)
    }

    /// Prepares an operation that must find room.
    mutating func prepare(
        _ operation: Operation,
        token: Token,
        silently: Bool = false,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let fits = ring.prepare(operation, token: token, silently: silently)
        try #require(fits, "the submission queue is full", sourceLocation: sourceLocation)
    }

    /// Submits and waits as asked.
    @discardableResult
    mutating func submit(_ wait: Ring.Wait = .none) throws -> Ring.Submission {
        try ring.submit(wait)
    }

    /// What is in the completion queue now, without a system call.
    mutating func ready() -> [Completion] {
        batch.removeAll()
        ring.takeCompletions(into: &batch)
        return (0..<batch.count).map { batch[$0] }
    }

    /// Submits, waits until `count` completions have come, and fails if they were more.
    mutating func take(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws -> [Completion] {
        let deadline = ContinuousClock.now + DrivenRing.patience
        var taken = ready()
        while taken.count < count {
            try #require(
                ContinuousClock.now < deadline,
                "waited in vain: \(taken.count) of \(count) completions came",
                sourceLocation: sourceLocation
            )
            try submit(.forCompletionOr(.seconds(1)))
            taken += ready()
        }
        try #require(taken.count == count, "more completions than expected: \(taken)", sourceLocation: sourceLocation)
        return taken
    }

    /// Submits, waits until something has come, and takes all of it.
    mutating func takeSome(sourceLocation: SourceLocation = #_sourceLocation) throws -> [Completion] {
        let deadline = ContinuousClock.now + DrivenRing.patience
        while true {
            try submit(.forCompletionOr(.seconds(1)))
            let taken = ready()
            if !taken.isEmpty { return taken }
            try #require(ContinuousClock.now < deadline, "waited in vain", sourceLocation: sourceLocation)
        }
    }

    /// The result of one operation that is alone on the ring.
    mutating func result(of operation: Operation, sourceLocation: SourceLocation = #_sourceLocation) throws -> Int32 {
        try prepare(operation, token: .fence, sourceLocation: sourceLocation)
        return try take(1, sourceLocation: sourceLocation)[0].result
    }

    /// Everything that completes before an operation submitted now does: empty when nothing is due.
    mutating func settle(sourceLocation: SourceLocation = #_sourceLocation) throws -> [Completion] {
        let deadline = ContinuousClock.now + DrivenRing.patience
        try prepare(.echo, token: .fence, sourceLocation: sourceLocation)
        var taken: [Completion] = []
        while !taken.contains(where: { $0.token == .fence }) {
            try #require(ContinuousClock.now < deadline, "the fence never came", sourceLocation: sourceLocation)
            try submit(.poll)
            taken += ready()
        }
        // A deferred ring runs its work in portions.
        var before: Int
        repeat {
            before = taken.count
            try submit(.poll)
            taken += ready()
        } while taken.count > before
        return taken.filter { $0.token != .fence }
    }

    /// Prepares an echo for each number, in order.
    mutating func prepareEchoes(
        _ numbers: Range<Int>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for number in numbers {
            try prepare(.echo, token: .numbered(number), sourceLocation: sourceLocation)
        }
    }
}
