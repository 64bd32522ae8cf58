// Dropping rings: none leaves a descriptor behind, with or without operations in flight. In processes of their own,
// where nobody else makes rings.

import Glibc
import GrantedLevels
import NBUring
import Testing

struct RingLifetimeTests {
    @Test(arguments: KernelLevel.granted)
    func droppedRingsLeaveNoDescriptors(level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [number = level.rawValue as Int] in
            let level = try #require(KernelLevel(rawValue: number))
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
            for _ in 0..<50 {
                var ring = try DrivenRing(level, submissionDepth: 4, completionDepth: 4)
                try ring.prepareEchoes(0..<1)
                #expect(try ring.take(1) == [.echo(0)])
                #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 1)
            }
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
        }
    }

    @Test(arguments: KernelLevel.granted)
    func aRingMayBeDroppedWithOperationsInFlight(level: KernelLevel) async {
        await #expect(processExitsWith: .success) { [number = level.rawValue as Int] in
            let level = try #require(KernelLevel(rawValue: number))
            let connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
            let listener = try LoopbackListener()
            let event = try EventDescriptor()
            let counter = Buffer(count: 8)
            let bytes = Buffer(Buffer.eightMebibytes)
            for _ in 0..<5 {
                var ring = try DrivenRing(level)
                try ring.prepare(.accept(listener: listener.descriptor, .oneShot), token: .numbered(1))
                try ring.prepare(
                    .read(descriptor: event.descriptor, into: counter.target, count: 8),
                    token: .numbered(2)
                )
                try ring.prepare(.discardInput(descriptor: connection.server), token: .numbered(3))
                try ring.prepare(
                    .send(descriptor: connection.server, bytes: bytes.bytes),
                    token: .numbered(4)
                )
                try ring.submit()
                #expect(ring.ready() == [])
                // Prepared and never submitted.
                try ring.prepareEchoes(5..<6)
                #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 1)
            }
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
        }
    }

    @Test func aRingThatIsNotGrantedLeavesNoDescriptor() async {
        await #expect(processExitsWith: .success) {
            #expect(throws: RingError.self) { _ = try Ring(RingOptions(submissionDepth: 0)) }
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
        }
    }

    private static let link = "anon_inode:[io_uring]"
}
