import Glibc
import NBEngine
import Testing

@testable import NBServer

/// How much a peer has taken, asked of the real kernel.
@Suite struct TakenBytesTests {
    @Test func whatAPeerHasAcknowledgedIsCounted() throws {
        let calls = KernelSocketCalls()
        let socket = try ListenSocket("127.0.0.1:0", options: [])
        let client = try Client(socket.address)
        var accepted: Int32 = -1
        // The socket does not block.
        while accepted < 0 { accepted = accept(socket.descriptor, nil, nil) }
        defer { close(accepted) }
        let before = calls.peerState(of: accepted).takenByteCount
        #expect(Glibc.send(accepted, [UInt8](repeating: 1, count: 1000), 1000, 0) == 1000)
        #expect(try client.read(1000).utf8.count == 1000)
        // An acknowledgment may come a moment after the bytes.
        let end = Instant.now + .seconds(30)
        while calls.peerState(of: accepted).hasUntakenBytes && Instant.now < end { sched_yield() }
        let peer = calls.peerState(of: accepted)
        #expect(peer.takenByteCount == before + 1000)
        #expect(!peer.hasUntakenBytes && !peer.hasEnded && peer.unreceivedByteCount == 0)
        #expect(calls.peerState(of: -1) == PeerState())
    }

    /// A Unix socket has no count of what its peer has read, only of what waits for it.
    @Test func theCountOfAUnixSocketGrowsWhenItsPeerReads() throws {
        let calls = KernelSocketCalls()
        let pair = SocketPair()
        defer { close(pair.end) }
        #expect(Glibc.send(pair.end, [UInt8](repeating: 1, count: 1000), 1000, 0) == 1000)
        let before = calls.peerState(of: pair.end).takenByteCount
        #expect(pair.read(upTo: 2000) == String(repeating: "\u{1}", count: 1000))
        #expect(Int32(bitPattern: calls.peerState(of: pair.end).takenByteCount &- before) >= 1000)
    }
}
