// Sending: all of it in order, or as much as fits now and never a look at the memory again.

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
        try ring.prepare(.send(descriptor: server, bytes: bytes.bytes, .waiting), token: .numbered(1))
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
        try ring.prepare(.send(descriptor: server, bytes: bytes, .waiting), token: .numbered(1))
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
    func anImmediateSendTakesWhatFitsAndForgetsTheMemory(level: KernelLevel) throws {
        var connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let bytes = Buffer(Buffer.eightMebibytes)
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: bytes.bytes, .immediate), token: .numbered(1))
        try ring.submit(.none)
        bytes.fill(with: 0xee)
        // It is over when the submission is.
        let completions = ring.ready()
        try #require(completions.count == 1)
        let taken = Int(completions[0].result)
        #expect(taken > 0 && taken < 8 << 20)
        #expect(completions[0].isLast == true)
        #expect(try ring.result(of: .close(descriptor: server)) == 0)
        let received = connection.client.readToEnd()
        let isPrefix = received.bytes == Array(Buffer.eightMebibytes.prefix(taken))
        #expect(isPrefix)
        #expect(received.bytes.count == taken)
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted, [Operation.SendMode.immediate, .immediateHeld])
    func anImmediateSendToAFullSocketFails(level: KernelLevel, mode: Operation.SendMode) throws {
        let connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let bytes = Buffer(Buffer.pattern(1 << 16))
        var ring = try DrivenRing(level)
        var completions: [Completion]
        repeat {
            // Some fit until the client's window and the server's buffer are full.
            try ring.prepare(.send(descriptor: connection.server, bytes: bytes.bytes, mode), token: .numbered(1))
            try ring.submit(.none)
            completions = ring.ready()
            try #require(completions.count == 1)
        } while completions[0].result > 0
        #expect(completions == [Completion(token: .numbered(1), result: -EAGAIN)])
    }

    @Test(arguments: KernelLevel.granted)
    func heldSendsAndACloseDeliverTheBytesAndTheEnd(level: KernelLevel) throws {
        var connection = try LoopbackConnection()
        let first = Buffer(Buffer.pattern(100))
        let second = Buffer(Buffer.pattern(1_000))
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: first.bytes, .immediateHeld), token: .numbered(1))
        try ring.prepare(.send(descriptor: server, bytes: second.bytes, .immediateHeld), token: .numbered(2))
        try ring.prepare(.close(descriptor: server), token: .numbered(3))
        let completions = try ring.take(3)
        #expect(completions.map(\.token) == [.numbered(1), .numbered(2), .numbered(3)])
        #expect(completions.map(\.result) == [100, 1_000, 0])
        let received = connection.client.readToEnd()
        #expect(received.bytes == Buffer.pattern(100) + Buffer.pattern(1_000))
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func onlyAHeldSendIsHeldBack(level: KernelLevel) throws {
        let bytes = Buffer(Buffer.pattern(100))
        var ring = try DrivenRing(level)
        // The kernel holds bytes back for a fraction of a second, which may pass if this thread is kept waiting; then
        // it takes another try.
        var unsent: Int32 = 0
        for _ in 0..<50 where unsent == 0 {
            let connection = try LoopbackConnection()
            #expect(
                try ring.result(of: .send(descriptor: connection.server, bytes: bytes.bytes, .immediateHeld)) == 100
            )
            unsent = try connection.unsentBytes()
        }
        #expect(unsent == 100)
        for mode in [Operation.SendMode.immediate, .waiting] {
            let connection = try LoopbackConnection()
            #expect(try ring.result(of: .send(descriptor: connection.server, bytes: bytes.bytes, mode)) == 100)
            #expect(try connection.unsentBytes() == 0)
            #expect(try connection.client.read(100) == Buffer.pattern(100))
        }
    }

    @Test(arguments: KernelLevel.granted, [Operation.SendMode.waiting, .immediate, .immediateHeld])
    func aSendOnAResetConnectionFailsWithoutASignal(level: KernelLevel, mode: Operation.SendMode) throws {
        let connection = try LoopbackConnection()
        let bytes = Buffer(Buffer.pattern(100))
        var ring = try DrivenRing(level)
        try connection.client.reset()
        // The reset has arrived when it ends this.
        #expect(try ring.result(of: .discardInput(descriptor: connection.server, .waiting)) == -ECONNRESET)
        let signals = try PipeSignals()
        #expect(try ring.result(of: .send(descriptor: connection.server, bytes: bytes.bytes, mode)) == -EPIPE)
        #expect(signals.isPending == false)
    }
}
