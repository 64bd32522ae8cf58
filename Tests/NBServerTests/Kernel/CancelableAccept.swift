import NBEngine
import NBUring

/// A ring with one accept on it, which once armed is armed again until it is cancelled.
struct CancelableAccept: ~Copyable {
    private static let acceptToken = Token(kind: 1, slot: 1)
    private static let cancelToken = Token(kind: 2, slot: 2)

    private var ring: Ring
    private var batch = CompletionBatch(capacity: 256)
    private let listener: Int32
    private let accept: Operation
    private var isArmed = false
    private var isCancelling = false

    /// What was accepted; the caller's to close.
    private(set) var descriptors: [Int32] = []

    init(on listener: Int32, _ level: KernelLevel) throws {
        let ring = try Ring(RingOptions(submissionDepth: 8, completionDepth: 256, highestLevel: level))
        self.listener = listener
        accept = .accept(listener: listener, ring.features.acceptsMultishot ? .multishot : .oneShot)
        self.ring = ring
    }

    /// Cancelled, and both the accept and the cancel have said so.
    var isOver: Bool { !isArmed && !isCancelling }

    mutating func cancel() throws {
        _ = ring.prepare(.cancel(Self.acceptToken, descriptor: listener), token: Self.cancelToken)
        isCancelling = true
        try ring.submit()
    }

    mutating func takeCompletions(waits: Bool = true) throws {
        try ring.submit(waits ? .forCompletionOr(.seconds(1)) : .poll)
        batch.removeAll()
        ring.takeCompletions(into: &batch)
        for index in 0..<batch.count { try take(batch[index]) }
    }

    private mutating func take(_ completion: Completion) throws {
        guard completion.token == Self.acceptToken else {
            isCancelling = false
            return
        }
        if completion.result >= 0 { descriptors.append(completion.result) }
        guard completion.isLast else { return }
        isArmed = false
        if completion.result >= 0 && !isCancelling { try arm() }
    }

    mutating func arm() throws {
        _ = ring.prepare(accept, token: Self.acceptToken)
        isArmed = true
        try ring.submit()
    }
}
