import Glibc
import NBEngine
import Testing

@testable import NBServer

// Bytes: what is received with few buffers, and what is sent to a peer that reads slowly.
extension EpollEngineTests {
    /// Four wait, one buffer is there, and the last of them has it.
    @Test func aReceiveThatWaitsHoldsNoBuffer() throws {
        var driven = try DrivenEpoll(bufferCount: 1)
        let pairs = (0..<4).map { _ in SocketPair() }
        for (number, pair) in pairs.enumerated() {
            driven.submit(.receive(descriptor: pair.end, .multishot), UInt32(number))
        }
        try driven.poll(expecting: [])
        #expect(pairs[3].send("hello"))
        let received = try driven.wait(for: 1)
        #expect(received.said == [Said(3, 5, isLast: false)])
        #expect(pairs[0].send("hello"))
        try driven.wait(expecting: [Said(0, -ENOBUFS)])
        #expect(received.first.flatMap { driven.text($0) } == "hello")
        // The bytes have stayed where they are.
        driven.submit(.receive(descriptor: pairs[0].end, .oneShot), 0)
        let again = try driven.wait(for: 1)
        #expect(again.said == [Said(0, 5)])
        #expect(again.first.flatMap { driven.text($0) } == "hello")
        pairs[1].finish()
        try driven.wait(expecting: [Said(1, 0)])
        for pair in pairs { close(pair.end) }
    }

    /// More than fits into a buffer, then more than the queue holds: nothing tells a second time, and nothing is forgotten.
    @Test(arguments: [Operation.ReceiveMode.multishot, .oneShot])
    func bytesThatAreLeftOverAreReceivedWithoutAnotherEvent(_ mode: Operation.ReceiveMode) throws {
        var driven = try DrivenEpoll(quantum: 1, bufferCount: 4, bufferSize: 2)
        let pair = SocketPair()
        driven.submit(.receive(descriptor: pair.end, mode), 1)
        try driven.poll(expecting: [])
        #expect(pair.send("abcdefghi"))
        pair.finish()
        var text = ""
        var isOver = false
        while !isOver {
            let received = try driven.wait(for: 1)
            try #require(received.count == 1)
            text += driven.text(received[0]) ?? ""
            isOver = received[0].result == 0
            if mode == .oneShot && !isOver { driven.submit(.receive(descriptor: pair.end, mode), 1) }
        }
        #expect(text == "abcdefghi")
        close(pair.end)
    }

    /// From one place and from several: a slow peer takes all of it in many steps.
    @Test(arguments: [1, 7])
    func aSendGoesOnUntilEverythingIsTaken(parts: Int) throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        let text = String((0..<700_000).map { Character(Unicode.Scalar(UInt8(97 + $0 * 7 % 23))) })
        try EpollEngineTests.withText(text, parts: parts) { bytes in
            driven.submit(.send(descriptor: pair.end, bytes: bytes), 1)
            try driven.poll(expecting: [])
            var read = ""
            var ends: [Completion] = []
            while ends.isEmpty {
                read += pair.read(upTo: 50_000) ?? ""
                ends += try driven.poll()
            }
            #expect(ends.said == [Said(1, 700_000)])
            driven.submit(.close(descriptor: pair.end), 2, silently: true)
            try driven.poll(expecting: [])
            read += pair.readToEnd() ?? ""
            #expect(read == text)
        }
    }

    /// A cancelled send tells what it had sent; a token that nothing waits with is told.
    @Test func aCancelledSendTellsHowFarItCame() throws {
        var driven = try DrivenEpoll()
        let pair = SocketPair()
        try EpollEngineTests.withText(String(repeating: "x", count: 4 << 20)) { bytes in
            driven.submit(.send(descriptor: pair.end, bytes: bytes), 1, silently: true)
            try driven.poll(expecting: [])
            driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: pair.end), 2)
            driven.submit(.cancel(Token(kind: 1, slot: 1), descriptor: pair.end), 3, silently: true)
            let ends = try driven.poll()
            #expect(ends.map(\.token.slot) == [1, 2, 3])
            #expect(ends.dropFirst().map(\.result) == [0, -ENOENT])
            driven.submit(.close(descriptor: pair.end), 4, silently: true)
            try driven.poll(expecting: [])
            #expect(pair.readToEnd()?.utf8.count == ends.first.map { Int($0.result) })
        }
    }

    /// The bytes of a text, in one place or in several.
    static func withText(_ text: String, parts: Int = 1, _ body: (Operation.Bytes) throws -> Void) throws {
        let bytes = Array(text.utf8)
        try bytes.withUnsafeBytes { whole in
            guard let base = whole.baseAddress else { return }
            guard parts > 1 else { return try body(Operation.Bytes(base, count: whole.count)) }
            let size = (whole.count + parts - 1) / parts
            let places = stride(from: 0, to: whole.count, by: size).map { start in
                UnsafeRawBufferPointer(rebasing: whole[start..<min(start + size, whole.count)])
            }
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: Operation.Bytes.memoryNeeded(for: places.count),
                alignment: 8
            )
            defer { memory.deallocate() }
            try body(Operation.Bytes(places.span, describedIn: memory))
        }
    }
}
