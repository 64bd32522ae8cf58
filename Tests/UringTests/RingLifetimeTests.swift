// Dropping rings: none leaves a descriptor behind, with or without operations in flight. In processes of their own,
// where nobody else makes rings.

import Glibc
import GrantedRungs
import NBUring
import Testing

struct RingLifetimeTests {
    @Test(arguments: Rung.granted)
    func droppedRingsLeaveNoDescriptors(rung: Rung) async {
        await #expect(processExitsWith: .success) { [number = rung.rawValue as Int] in
            let rung = try #require(Rung(rawValue: number))
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
            for _ in 0..<50 {
                var ring = try DrivenRing(rung, submissionDepth: 4, completionDepth: 4)
                try ring.prepareEchoes(0..<1)
                #expect(try ring.take(1) == [.echo(0)])
                #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 1)
            }
            #expect(OpenDescriptors.count(of: RingLifetimeTests.link) == 0)
        }
    }

    @Test(arguments: Rung.granted)
    func aRingMayBeDroppedWithOperationsInFlight(rung: Rung) async {
        await #expect(processExitsWith: .success) { [number = rung.rawValue as Int] in
            let rung = try #require(Rung(rawValue: number))
            let connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
            let listener = try LoopbackListener()
            let event = try EventDescriptor()
            let counter = Buffer(count: 8)
            let bytes = Buffer(Buffer.eightMebibytes)
            for _ in 0..<5 {
                var ring = try DrivenRing(rung)
                try ring.prepare(.accept(listener: listener.descriptor, .oneShot), token: .numbered(1))
                try ring.prepare(
                    .read(descriptor: event.descriptor, into: counter.target, count: 8),
                    token: .numbered(2)
                )
                try ring.prepare(.discardInput(descriptor: connection.server, .waiting), token: .numbered(3))
                try ring.prepare(
                    .send(descriptor: connection.server, bytes: bytes.bytes, .waiting),
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
