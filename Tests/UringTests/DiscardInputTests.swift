// Discarding input: counted and gone, so that a close is an end and not a reset.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct DiscardInputTests {
    @Test(arguments: KernelLevel.granted)
    func aCloseAfterADiscardIsAnEndAndNotAReset(level: KernelLevel) throws {
        var connection = try LoopbackConnection()
        let greeting = Buffer(Buffer.pattern(50))
        var ring = try DrivenRing(level)
        try connection.client.send(Buffer.pattern(30_000))
        try connection.awaitArrival(of: 30_000)
        let server = connection.handOverServer()
        try ring.prepare(.send(descriptor: server, bytes: greeting.bytes), token: .numbered(1))
        try ring.prepare(.discardInput(descriptor: server), token: .numbered(2))
        try ring.prepare(.close(descriptor: server), token: .numbered(3))
        let completions = try ring.take(3)
        #expect(completions.map(\.result) == [50, 30_000, 0])
        let received = connection.client.readToEnd()
        #expect(received.bytes == Buffer.pattern(50))
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func aCloseOverUnreadInputIsAReset(level: KernelLevel) throws {
        // What discarding is for.
        var connection = try LoopbackConnection()
        var ring = try DrivenRing(level)
        try connection.client.send([1, 2, 3])
        try connection.awaitArrival(of: 3)
        #expect(try ring.result(of: .close(descriptor: connection.handOverServer())) == 0)
        #expect(connection.client.readToEnd().ending == .failed(ECONNRESET))
    }

    @Test(arguments: KernelLevel.granted)
    func aWaitingDiscardCountsWhatComesUntilTheEnd(level: KernelLevel) throws {
        let connection = try LoopbackConnection()
        var ring = try DrivenRing(level)
        for count in [5, 1_000] {
            try ring.prepare(.discardInput(descriptor: connection.server), token: .numbered(count))
            try #require(try ring.settle() == [])
            try connection.client.send(Buffer.pattern(count))
            let completions = try ring.take(1)
            #expect(completions.map(\.token) == [.numbered(count)])
            #expect(completions.map(\.result) == [Int32(count)])
            #expect(completions.map(\.isLast) == [true])
        }
        try ring.prepare(.discardInput(descriptor: connection.server), token: .numbered(0))
        #expect(try ring.settle() == [])
        try connection.client.finishSending()
        let end = try ring.take(1)
        #expect(end.map(\.result) == [0])
        #expect(end.map(\.isLast) == [true])
    }

    /// On a Unix socket `MSG_TRUNC` does not discard: there is nowhere to copy to.
    @Test(arguments: KernelLevel.granted)
    func aUnixSocketIsDiscardedByReading(level: KernelLevel) throws {
        var ends: [Int32] = [-1, -1]
        _ = try check("socketpair", socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends))
        defer { for end in ends { close(end) } }
        var ring = try DrivenRing(level)
        _ = try check("send", Int32(Glibc.send(ends[1], Buffer.pattern(70_000), 70_000, 0)))
        #expect(try ring.result(of: .discardInput(descriptor: ends[0])) == -EFAULT)
        #expect(try ring.result(of: .discardByReading(descriptor: ends[0])) == 65_536)
        #expect(try ring.result(of: .discardByReading(descriptor: ends[0])) == 70_000 - 65_536)
        _ = try check("shutdown", shutdown(ends[1], Int32(SHUT_WR)))
        #expect(try ring.result(of: .discardByReading(descriptor: ends[0])) == 0)
        #expect(try ring.result(of: .disconnect(descriptor: ends[0])) == -EINVAL)
    }
}
