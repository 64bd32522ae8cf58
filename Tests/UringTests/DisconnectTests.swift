// Disconnecting: the peer is reset at once, and what was in flight on the connection ends.

import Glibc
import GrantedLevels
import NBUring
import Testing

struct DisconnectTests {
    @Test(arguments: KernelLevel.granted)
    func theReaderOfADisconnectedStreamIsReset(level: KernelLevel) throws {
        let connection = try LoopbackConnection()
        var ring = try DrivenRing(level)
        #expect(try ring.result(of: .disconnect(descriptor: connection.server)) == 0)
        let received = connection.client.readToEnd()
        #expect(received.bytes == [])
        #expect(received.ending == .failed(ECONNRESET))
        // The descriptor is still open, on a socket that leads nowhere.
        #expect(fcntl(connection.server, F_GETFD) == FD_CLOEXEC)
        #expect(throws: SystemCallFailed.self) { try Loopback.peerPort(connection.server) }
    }

    @Test(arguments: KernelLevel.granted)
    func aPendingSendAndAPendingDiscardEndWithTheConnection(level: KernelLevel) throws {
        let connection = try LoopbackConnection(sendBuffer: 1 << 16, receiveBuffer: 1 << 16)
        let bytes = Buffer(Buffer.eightMebibytes)
        var ring = try DrivenRing(level)
        try ring.prepare(.send(descriptor: connection.server, bytes: bytes.bytes), token: .numbered(1))
        try ring.prepare(.discardInput(descriptor: connection.server), token: .numbered(2))
        #expect(try ring.settle() == [])
        try ring.prepare(.disconnect(descriptor: connection.server), token: .numbered(3))
        let completions = try ring.take(3)
        #expect(completions.only(.numbered(3))?.result == 0)
        #expect(completions.only(.numbered(1))?.isLast == true)
        // The kernel tells of the reset once, to whichever of the two it goes on with first.
        #expect([-ECONNRESET, -ENOTCONN].contains(completions.only(.numbered(2))?.result))
        #expect(completions.only(.numbered(2))?.isLast == true)
        // What the socket had taken before; the rest is not sent.
        let sent = try #require(completions.only(.numbered(1))?.result)
        #expect(sent > 0 && sent < 8 << 20)
        let received = connection.client.readToEnd()
        #expect(received.ending == .failed(ECONNRESET))
        #expect(received.bytes.count <= sent)
        #expect(received.bytes == Array(Buffer.eightMebibytes.prefix(received.bytes.count)))
    }
}
