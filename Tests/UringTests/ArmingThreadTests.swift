// What a thread has armed dies with it, but late. A server never meets that: the thread that runs it makes the ring, arms
// on it, and drops it before it ends.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Synchronization
import Testing

struct ArmingThreadTests {
    /// In a process of its own: a ring without its thread can be submitted to by nobody, and not be dropped.
    @Test(arguments: KernelLevel.granted, [true, false])
    func anAcceptWithoutItsThreadTakesNobody(level: KernelLevel, isMultishot: Bool) async {
        await #expect(processExitsWith: .success) {
            [number = level.rawValue as Int, isMultishot = isMultishot as Bool] in
            let level = try #require(KernelLevel(rawValue: number))
            let listener = try LoopbackListener()
            let operation = Operation.accept(listener: listener.descriptor, isMultishot ? .multishot : .oneShot)
            let orphan = try HelperThread { Result { try OrphanedRing(level, armedWith: operation) } }.join().get()
            // Its end alone is not noticed.
            #expect(orphan.ready() == [])
            let crowd = try LoopbackCrowd(1, port: listener.port)
            if level < .linux6_1 {
                #expect(try orphan.take(1) == [Completion(token: .numbered(1), result: -ECANCELED)])
            }
            // The client still waits to be accepted, and somebody else can.
            var accepted = Descriptors()
            accepted.adopt([try check("accept", accept(listener.descriptor, nil, nil))])
            let reached = try accepted.peerPorts()
            let clients = crowd.ports
            #expect(reached == clients)
            // On the highest level only the thread itself could have had the completion.
            #expect(orphan.ready() == [])
        }
    }
}

/// A ring whose thread has ended. Nothing is submitted to it, and it is never dropped.
private struct OrphanedRing: @unchecked Sendable {
    private let ring = UnsafeMutablePointer<DrivenRing>.allocate(capacity: 1)

    /// Where a leak checker sees them.
    private static let all = Mutex<[UInt]>([])

    /// Called on the thread that ends.
    init(_ level: KernelLevel, armedWith operation: Operation) throws {
        ring.initialize(to: try DrivenRing(level))
        Self.all.withLock { [ring] in $0.append(UInt(bitPattern: ring)) }
        try ring.pointee.prepare(operation, token: .numbered(1))
        try ring.pointee.submit()
    }

    /// What is in the completion queue now.
    func ready() -> [Completion] { ring.pointee.ready() }

    /// Waits, without a submission, until as many completions are there.
    func take(_ count: Int) throws -> [Completion] {
        let deadline = ContinuousClock.now + .seconds(10)
        var taken = ready()
        while taken.count < count {
            try #require(ContinuousClock.now < deadline, "waited in vain")
            usleep(500)
            taken += ready()
        }
        return taken
    }
}
