import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// The calls with which a connection ends, on the kernel's sockets.
@Suite struct DirectCallTests {
    private let world = KernelWorld()
    private var calls: KernelSocketCalls { KernelSocketCalls() }

    @Test func theLastBytesAreHeldUntilTheStreamEnds() throws {
        let bytes = TestBytes(EngineConformanceTests.pattern(100))
        // The kernel holds bytes back for a fraction of a second, which may pass if this thread is kept waiting; then it takes another try.
        for _ in 0..<50 {
            let client = try world.makeConnection()
            #expect(calls.sendLast(bytes.whole, on: client.server) == 100)
            guard unsentByteCount(of: client.server) == 100 else { continue }
            calls.finishOutput(of: client.server)
            #expect(unsentByteCount(of: client.server) == 0)
            #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -EAGAIN)
            close(client.server)
            #expect(try client.readToEnd() == ConformanceReading(bytes: EngineConformanceTests.pattern(100)))
            return
        }
        Issue.record("the kernel holds nothing back")
    }

    @Test(arguments: [false, true])
    func whatTheSocketTakesAtOnceIsCounted(isScattered: Bool) throws {
        let pattern = EngineConformanceTests.pattern(1 << 20)
        let bytes = TestBytes(pattern)
        let client = try world.makeConnection()
        var taken = calls.sendLast(isScattered ? bytes.scattered : bytes.whole, on: client.server)
        #expect(taken > 0 && taken < 1 << 20)
        let count = Int(taken)
        var all = count
        for _ in 0..<1_000 where taken > 0 {
            taken = calls.sendLast(bytes.part(0..<10_000), on: client.server)
            all += Int(max(0, taken))
        }
        #expect(taken == -EAGAIN)
        calls.finishOutput(of: client.server)
        close(client.server)
        let reading = try client.readToEnd()
        #expect(reading.ending == .finished)
        #expect(reading.bytes.count == all)
        let isPrefix = Array(reading.bytes.prefix(count)) == Array(pattern.prefix(count))
        #expect(isPrefix)
    }

    @Test func lastBytesForAPeerThatIsGoneFailWithoutASignal() throws {
        let bytes = TestBytes([1, 2, 3])
        let client = try world.makeConnection()
        client.reset()
        try client.awaitArrivalOfEnd()
        #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -ECONNRESET)
        var result: Int32 = 0
        let hasRaised = try world.raisesPipeSignal { result = calls.sendLast(bytes.whole, on: client.server) }
        #expect(result == -EPIPE)
        #expect(hasRaised == false)
        close(client.server)
    }

    /// On a Unix socket `MSG_TRUNC` does not discard: what there is, is read.
    @Test(arguments: [false, true])
    func unheardInputIsThrownAwayAndCounted(isLocal: Bool) throws {
        let client = try isLocal ? world.makeLocalConnection() : world.makeConnection()
        func discard() -> Int32 { calls.discardInput(of: client.server, isPlainTCP: !isLocal) }
        #expect(discard() == -EAGAIN)
        for count in [1, 30_000] {
            client.say(EngineConformanceTests.pattern(count))
            try client.awaitArrival(of: count)
            #expect(discard() == Int32(count))
            #expect(discard() == -EAGAIN)
        }
        client.end()
        try client.awaitArrivalOfEnd()
        #expect(discard() == 0)
        close(client.server)
        // A close over nothing unread is an end, not a reset.
        #expect(try client.readToEnd() == ConformanceReading())
    }

    /// One poll finds the connections that have spoken, ended or gone, and no other.
    @Test func aPollFindsTheConnectionsWithInput() throws {
        let clients = try (0..<5).map { _ in try world.makeConnection() }
        clients[1].say([1])
        try clients[1].awaitArrival(of: 1)
        clients[2].end()
        try clients[2].awaitArrivalOfEnd()
        clients[3].reset()
        try clients[3].awaitArrivalOfEnd()
        for client in clients { calls.finishOutput(of: client.server) }
        var sockets = clients.map { pollfd(fd: $0.server, events: EndingGroup.events, revents: 0) }
        let isKnown = sockets.withUnsafeMutableBufferPointer { calls.findInput(among: $0) }
        #expect(isKnown)
        #expect(sockets.map { $0.revents != 0 } == [false, true, true, true, false])
        for client in clients { close(client.server) }
    }

    /// An urgent byte is input, too: it is found, and the close behind it is no reset.
    @Test func anUrgentByteIsFoundAndDiscarded() throws {
        let client = try #require(try world.makeConnection() as? KernelClient)
        client.sayUrgently(7)
        var sockets = [pollfd(fd: client.server, events: Int16(POLLPRI), revents: 0)]
        try #require(poll(&sockets, 1, 60_000) == 1)
        sockets[0] = pollfd(fd: client.server, events: EndingGroup.events, revents: 0)
        calls.finishOutput(of: client.server)
        let isKnown = sockets.withUnsafeMutableBufferPointer { calls.findInput(among: $0) }
        #expect(isKnown && sockets[0].revents != 0)
        _ = calls.discardInput(of: client.server, isPlainTCP: true)
        close(client.server)
        #expect(try client.readToEnd() == ConformanceReading())
    }

    /// An adopted socket may have a low-water mark. A poll tells of its first byte all the same.
    @Test func aForgottenLowWaterMarkHidesNoInput() throws {
        let client = try world.makeConnection()
        client.say([1])
        try client.awaitArrival(of: 1)
        var mark: Int32 = 100
        setsockopt(client.server, SOL_SOCKET, SO_RCVLOWAT, &mark, socklen_t(MemoryLayout<Int32>.size))
        for isForgotten in [false, true] {
            if isForgotten { calls.forgetLowWater(of: client.server) }
            var sockets = [pollfd(fd: client.server, events: EndingGroup.events, revents: 0)]
            let isKnown = sockets.withUnsafeMutableBufferPointer { calls.findInput(among: $0) }
            #expect(isKnown)
            #expect((sockets[0].revents != 0) == isForgotten)
        }
        close(client.server)
    }

    /// Numbers that follow each other go by one call; what is between them, or behind, stays open.
    @Test func closeAllClosesExactlyTheGivenDescriptors() throws {
        // High numbers, so that no other test takes one in between.
        var limit = rlimit()
        let answer = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try #require(answer == 0)
        let first = Int32(min(limit.rlim_cur, 65_536) / 4 * 3)
        let original = try EventDescriptor()
        let numbers = (0..<10).map { _ in fcntl(original.descriptor, F_DUPFD_CLOEXEC, first) }
        try #require(numbers == Array(first..<first + 10))
        let kept = [3, 5, 8].map { numbers[$0] }
        close([0, 1, 2, 4, 7, 6, 9].map { numbers[$0] })
        #expect(numbers.filter(isOpen) == kept)
        close(kept)
        #expect(numbers.filter(isOpen) == [])
        #expect(isOpen(original.descriptor))
    }

    /// What a close that may become a reset must not overtake: the client has everything, and the end, before it speaks.
    @Test func aResetBehindTheEndOfTheStreamTakesNothing() throws {
        let bytes = TestBytes(EngineConformanceTests.pattern(100))
        let client = try world.makeConnection()
        #expect(calls.sendLast(bytes.whole, on: client.server) == 100)
        calls.finishOutput(of: client.server)
        #expect(calls.discardInput(of: client.server, isPlainTCP: true) == -EAGAIN)
        client.say([1])
        try client.awaitArrival(of: 1)
        close(client.server)
        #expect(try client.readToEnd() == ConformanceReading(bytes: EngineConformanceTests.pattern(100)))
    }

    private func close(_ descriptors: [Int32]) { closeAll(descriptors.span) }

    private func close(_ descriptor: Int32) { _ = Glibc.close(descriptor) }

    private func isOpen(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

    /// What a stream socket has been given and has not sent. `SIOCOUTQNSD`.
    private func unsentByteCount(of descriptor: Int32) -> Int32 {
        var count: Int32 = 0
        _ = ioctl(descriptor, 0x894B, &count)
        return count
    }
}
