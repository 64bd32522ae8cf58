import NBEngine
import NBUring
import Testing

@testable import NBServer

/// An engine of any type, driven by a test. Used by the thread that made it.
final class DrivenEngine {
    private var engine: any Engine & ~Copyable
    private var batch: CompletionBatch
    /// The features that the engine had at first, or when it had opened a descriptor.
    private(set) var features: EngineFeatures

    // Not optimized: specializing it for one engine crashes the compiler (Swift 6.3).
    @_optimize(none)
    init(_ engine: consuming any Engine & ~Copyable) {
        features = engine.features
        batch = CompletionBatch(capacity: engine.features.quantum)
        self.engine = engine
    }

    var now: Instant { engine.clock() }
    var currentFeatures: EngineFeatures { engine.features }
    var hasUnsubmitted: Bool { engine.hasUnsubmitted }
    var isPending: Bool { engine.isPending }
    var hasCompletions: Bool { engine.hasCompletions }
    var retryTime: Instant? { engine.retryTime }

    func submit(_ operation: NBEngine.Operation, _ token: Token, silently: Bool = false) {
        engine.submit(operation, token: token, silently: silently)
    }

    func sendAtOnce(_ bytes: NBEngine.Operation.Bytes, to descriptor: Int32, _ token: Token) -> Bool {
        engine.sendAtOnce(bytes, to: descriptor, token: token)
    }

    func enter(until deadline: Instant?) throws { try engine.enter(until: deadline) }

    /// Enters the kernel without waiting there.
    func poll() throws { try enter(until: now) }

    func openDescriptor(wokenBy event: Int32) throws -> Int32 {
        defer { features = engine.features }
        return try engine.openDescriptor(wokenBy: event)
    }

    func rest(until deadline: Instant?) throws { try engine.rest(until: deadline) }
    func close(_ descriptor: Int32) { engine.close(descriptor) }
    func close(_ descriptors: [Int32]) { engine.close(descriptors.span) }
    func forget(_ descriptor: Int32) { engine.forget(descriptor) }
    func abandon() -> [Int32] { engine.abandon() }
    func openReceiveBuffers() -> Int32 { engine.openReceiveBuffers() }
    func returnBuffer(_ number: UInt16) { engine.returnBuffer(number) }

    /// The bytes a receive has completed with.
    func bytes(of completion: Completion) -> [UInt8]? { Self.bytes(of: completion, in: &engine) }

    // Inout, since the compiler (Swift 6.3) opens no existential to borrow it.
    private static func bytes(of completion: Completion, in engine: inout some Engine & ~Copyable) -> [UInt8]? {
        engine.received(completion).map { Array($0) }
    }

    /// Takes what fits into a batch of this capacity, without entering the kernel.
    func take(capacity: Int) -> [Completion] {
        var batch = CompletionBatch(capacity: capacity)
        engine.takeCompletions(into: &batch)
        return (0..<batch.count).map { batch[$0].plain }
    }

    /// Takes all there are, without entering the kernel, and gives those of operations of the engine's own back to the engine.
    func takeAll() -> [Completion] {
        var taken: [Completion] = []
        repeat {
            batch.removeAll()
            engine.takeCompletions(into: &batch)
            for index in 0..<batch.count {
                let completion = batch[index]
                if completion.token.kind == Token.engineKind {
                    engine.completedOwn(completion)
                } else {
                    taken.append(completion.plain)
                }
            }
        } while batch.count > 0
        return taken
    }

    /// Takes completions until there are so many; more come along if they are there.
    func take(_ count: Int) throws -> [Completion] {
        let end = now + Patience.limit
        var taken = takeAll()
        while taken.count < count {
            guard now < end else { throw NeverCame(event: "\(count) completions; there are \(taken)") }
            try enter(until: end)
            taken += takeAll()
        }
        return taken
    }

    /// Enters the kernel a few times without waiting, and takes what has completed.
    func settle() throws -> [Completion] {
        var taken: [Completion] = []
        for _ in 0..<4 {
            try poll()
            taken += takeAll()
        }
        return taken
    }

    /// Submits one operation and takes its last completion, the only one that comes.
    func result(
        of operation: NBEngine.Operation,
        _ token: Token = .of(.send, 999),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Int32 {
        submit(operation, token)
        let completions = try take(1)
        #expect(completions.map(\.token) == [token], sourceLocation: sourceLocation)
        #expect(completions.map(\.isLast) == [true], sourceLocation: sourceLocation)
        return completions[0].result
    }

    /// Enters as a host does that waits elsewhere, until nothing is due or the deadline has passed; takes what has completed. With a
    /// deadline that has passed there is no rest.
    func turnUntilResting(until deadline: Instant? = nil) throws -> [Completion] {
        let end = ContinuousClock.now + Patience.limit
        var taken: [Completion] = []
        repeat {
            repeat {
                guard ContinuousClock.now < end else { throw NeverCame(event: "rest; \(taken) were taken") }
                try poll()
                taken += takeAll()
            } while isPending || hasUnsubmitted
            try rest(until: deadline)
        } while isPending && deadline.map { now < $0 } ?? true
        return taken
    }
}

extension Token {
    static func of(_ kind: TokenKind, _ slot: Int) -> Token { Token(kind, slot: UInt32(slot)) }
}

extension Completion {
    /// Without the flags of a ring that say more than the contract.
    fileprivate var plain: Completion {
        if let buffer { return Completion(token: token, result: result, isLast: isLast, buffer: buffer) }
        return Completion(token: token, result: result, isLast: isLast)
    }
}
