// Closing: the peer sees the end, the number is free, and an operation in flight keeps the file.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct CloseTests {
    @Test(arguments: KernelLevel.granted)
    func aCloseIsTheEndOfThePeersStream(level: KernelLevel) throws {
        var connection = try LoopbackConnection()
        var ring = try DrivenRing(level)
        #expect(try ring.result(of: .close(descriptor: connection.handOverServer())) == 0)
        let received = connection.client.readToEnd()
        #expect(received.bytes == [])
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func aCloseOfWhatIsNotOpenFails(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        #expect(try ring.result(of: .close(descriptor: .max)) == -EBADF)
    }

    @Test(arguments: KernelLevel.granted)
    func whatWasNotSubmittedIsKnown(level: KernelLevel) throws {
        var ring = try DrivenRing(level, submissionDepth: 4, completionDepth: 16)
        // So that the queue's end comes in between.
        for _ in 0..<3 { #expect(try ring.result(of: .close(descriptor: .max)) == -EBADF) }
        try ring.prepare(.close(descriptor: .max), token: .numbered(1))
        try ring.prepare(.disconnect(descriptor: .max), token: .numbered(2))
        try ring.prepare(.close(descriptor: .max - 1), token: .numbered(3))
        #expect(ring.ring.unsubmittedCloses == [.max, .max - 1])
        #expect(try ring.take(3).count == 3)
        #expect(ring.ring.unsubmittedCloses == [])
    }

    @Test(arguments: KernelLevel.granted)
    func aSendInFlightOutlivesItsDescriptor(level: KernelLevel) throws {
        var connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let bytes = Buffer(Buffer.eightMebibytes)
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: bytes.bytes), token: .numbered(1))
        #expect(try ring.settle() == [])
        #expect(try ring.result(of: .close(descriptor: server)) == 0)
        let descriptor = connection.client.descriptor
        let reader = try HelperThread { LoopbackClient.readToEnd(descriptor) }
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8 << 20)])
        // The file goes with its last operation, and its end reaches the peer with the ring's next work.
        try ring.submit(.poll)
        let received = reader.join()
        let isWhole = received.bytes == Buffer.eightMebibytes
        #expect(isWhole)
        #expect(received.ending == .finished)
    }
}
