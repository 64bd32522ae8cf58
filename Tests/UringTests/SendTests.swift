// Sending: all of it, in order.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct SendTests {
    @Test(arguments: KernelLevel.granted)
    func aWaitingSendArrivesWholeAndInOrderAtASlowReader(level: KernelLevel) throws {
        var connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let bytes = Buffer(Buffer.eightMebibytes)
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: bytes.bytes), token: .numbered(1))
        // Nobody reads yet: some of it is in the sockets' buffers, and the send waits.
        #expect(try ring.settle() == [])
        let descriptor = connection.client.descriptor
        let reader = try HelperThread { LoopbackClient.readToEnd(descriptor, step: 10_000) }
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8 << 20)])
        #expect(try ring.result(of: .close(descriptor: server)) == 0)
        let received = reader.join()
        let isWhole = received.bytes == Buffer.eightMebibytes
        #expect(isWhole)
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func bytesInSeveralPlacesArriveWholeAndInOrderAtASlowReader(level: KernelLevel) throws {
        var connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let whole = Buffer(Buffer.eightMebibytes)
        let description = UnsafeMutableRawPointer.allocate(
            byteCount: Operation.Bytes.memoryNeeded(for: 16),
            alignment: MemoryLayout<UInt>.alignment
        )
        defer { description.deallocate() }
        // Parts of different lengths, one of them empty.
        var parts: [UnsafeRawBufferPointer] = []
        whole.bytes.withUnsafeBytes { bytes in
            let ends = [0, 0, 1, 100, 4096, 70_000] + (1...10).map { $0 * bytes.count / 10 }
            for (start, end) in zip([0] + ends, ends) {
                parts.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
        }
        let bytes = Operation.Bytes(parts.span, describedIn: description)
        #expect(bytes.count == 8 << 20)
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: bytes), token: .numbered(1))
        #expect(try ring.settle() == [])
        let descriptor = connection.client.descriptor
        let reader = try HelperThread { LoopbackClient.readToEnd(descriptor, step: 10_000) }
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8 << 20)])
        #expect(try ring.result(of: .close(descriptor: server)) == 0)
        let received = reader.join()
        let isWhole = received.bytes == Buffer.eightMebibytes
        #expect(isWhole)
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func aSendOnAResetConnectionFailsWithoutASignal(level: KernelLevel) throws {
        let connection = try LoopbackConnection()
        let bytes = Buffer(Buffer.pattern(100))
        var ring = try DrivenRing(level)
        try connection.client.reset()
        // The reset has arrived when it ends this.
        #expect(try ring.result(of: .discardInput(descriptor: connection.server)) == -ECONNRESET)
        let signals = try PipeSignals()
        #expect(try ring.result(of: .send(descriptor: connection.server, bytes: bytes.bytes)) == -EPIPE)
        #expect(signals.isPending == false)
    }
}
