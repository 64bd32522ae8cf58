import GrantedLevels
import NBEngine
import NBUring

@testable import NBServer

/// Either engine of production. Owned and used as they are.
struct EitherEngine: Engine, ~Copyable {
    // Pointers, since an optional engine cannot be lent (Swift 6.3).
    private let ring: UnsafeMutablePointer<RingEngine>?
    private let epoll: UnsafeMutablePointer<EpollEngine>?
    let features: EngineFeatures

    init(_ choice: EngineChoice, quantum: Int, receiveBufferCount: Int, receiveBufferSize: Int) throws {
        switch choice {
        case .ring(let level):
            let options = RingOptions(submissionDepth: 64, completionDepth: quantum, highestLevel: level)
            let ring = try RingEngine(
                options,
                receiveBufferCount: receiveBufferCount,
                receiveBufferSize: receiveBufferSize
            )
            features = ring.features
            self.ring = .allocate(capacity: 1)
            self.ring?.initialize(to: ring)
            epoll = nil
        case .epoll:
            let epoll = try EpollEngine(
                quantum: quantum,
                receiveBufferCount: receiveBufferCount,
                receiveBufferSize: receiveBufferSize
            )
            features = epoll.features
            self.epoll = .allocate(capacity: 1)
            self.epoll?.initialize(to: epoll)
            ring = nil
        }
    }

    deinit {
        ring?.deinitialize(count: 1)
        ring?.deallocate()
        epoll?.deinitialize(count: 1)
        epoll?.deallocate()
    }

    var clock: () -> Instant { { .now } }

    mutating func submit(_ operation: Operation, token: Token, silently: Bool) {
        ring?.pointee.submit(operation, token: token, silently: silently)
        epoll?.pointee.submit(operation, token: token, silently: silently)
    }

    mutating func sendAtOnce(_ bytes: Operation.Bytes, to descriptor: Int32, token: Token) -> Bool {
        ring?.pointee.sendAtOnce(bytes, to: descriptor, token: token)
            ?? epoll?.pointee.sendAtOnce(bytes, to: descriptor, token: token) ?? false
    }

    mutating func enter(until deadline: Instant?) throws(EngineError) {
        try ring?.pointee.enter(until: deadline)
        try epoll?.pointee.enter(until: deadline)
    }

    var hasUnsubmitted: Bool { ring?.pointee.hasUnsubmitted ?? false || epoll?.pointee.hasUnsubmitted ?? false }
    var retryTime: Instant? { ring?.pointee.retryTime ?? nil }
    var isPending: Bool { ring?.pointee.isPending ?? false || epoll?.pointee.isPending ?? false }
    var hasCompletions: Bool { ring?.pointee.hasCompletions ?? false || epoll?.pointee.hasCompletions ?? false }

    mutating func openDescriptor(wokenBy event: Int32) throws(EngineError) -> Int32 {
        if let descriptor = try ring?.pointee.openDescriptor(wokenBy: event) { return descriptor }
        return try epoll?.pointee.openDescriptor(wokenBy: event) ?? -1
    }

    mutating func rest(until deadline: Instant?) throws(EngineError) {
        try ring?.pointee.rest(until: deadline)
        try epoll?.pointee.rest(until: deadline)
    }

    mutating func completedOwn(_ completion: Completion) {
        ring?.pointee.completedOwn(completion)
        epoll?.pointee.completedOwn(completion)
    }

    mutating func close(_ descriptor: Int32) {
        ring?.pointee.close(descriptor)
        epoll?.pointee.close(descriptor)
    }

    mutating func close(_ descriptors: Span<Int32>) {
        ring?.pointee.close(descriptors)
        epoll?.pointee.close(descriptors)
    }

    mutating func forget(_ descriptor: Int32) {
        ring?.pointee.forget(descriptor)
        epoll?.pointee.forget(descriptor)
    }

    mutating func abandon() -> [Int32] {
        if let descriptors = ring?.pointee.abandon() { return descriptors }
        return epoll?.pointee.abandon() ?? []
    }

    mutating func takeCompletions(into batch: inout CompletionBatch) {
        ring?.pointee.takeCompletions(into: &batch)
        epoll?.pointee.takeCompletions(into: &batch)
    }

    mutating func openReceiveBuffers() -> Int32 {
        ring?.pointee.openReceiveBuffers() ?? epoll?.pointee.openReceiveBuffers() ?? -1
    }

    func received(_ completion: Completion) -> UnsafeRawBufferPointer? {
        if let ring { return ring.pointee.received(completion) }
        return epoll?.pointee.received(completion) ?? nil
    }

    mutating func returnBuffer(_ number: UInt16) {
        ring?.pointee.returnBuffer(number)
        epoll?.pointee.returnBuffer(number)
    }
}
