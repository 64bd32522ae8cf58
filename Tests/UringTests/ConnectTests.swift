// Connecting: what completes when the connection is there, when it is refused, and when somebody changes their mind.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct ConnectTests {
    @Test(arguments: KernelLevel.granted)
    func aSocketIsConnected(level: KernelLevel) throws {
        let listener = try LoopbackListener()
        let client = try UnconnectedSocket(to: listener.port)
        var ring = try DrivenRing(level)
        #expect(try ring.result(of: client.connect) == 0)
        #expect(try Loopback.peerPort(client.descriptor) == listener.port)
    }

    @Test(arguments: KernelLevel.granted)
    func aPortWhereNobodyListensRefuses(level: KernelLevel) throws {
        // The port is bound, so that nobody else can listen there meanwhile.
        let bound = try UnconnectedSocket(to: 0)
        _ = try Loopback.withAddress(port: 0) { try check("bind", bind(bound.descriptor, $0, $1)) }
        let client = try UnconnectedSocket(to: try Loopback.localPort(bound.descriptor))
        var ring = try DrivenRing(level)
        #expect(try ring.result(of: client.connect) == -ECONNREFUSED)
    }

    @Test(arguments: KernelLevel.granted)
    func aDisconnectedSocketIsConnectedAgain(level: KernelLevel) throws {
        let listener = try LoopbackListener()
        let client = try UnconnectedSocket(to: listener.port)
        var ring = try DrivenRing(level)
        for _ in 0..<3 {
            #expect(try ring.result(of: client.connect) == 0)
            let server = try check("accept", accept(listener.descriptor, nil, nil))
            defer { close(server) }
            #expect(try ring.result(of: .disconnect(descriptor: client.descriptor)) == 0)
            #expect(LoopbackClient.readToEnd(server).ending == .failed(ECONNRESET))
        }
    }

    @Test(arguments: KernelLevel.granted)
    func aConnectThatWaitsIsCancelled(level: KernelLevel) throws {
        // A queue of one that is full: the kernel leaves the next client's handshake unanswered.
        let listener = try LoopbackListener(backlog: 0)
        let queued = try LoopbackClient(port: listener.port)
        let client = try UnconnectedSocket(to: listener.port)
        var ring = try DrivenRing(level)
        try ring.prepare(client.connect, token: .numbered(1))
        #expect(try ring.settle() == [])
        try ring.prepare(.cancel(.numbered(1), descriptor: client.descriptor), token: .numbered(2))
        let completions = try ring.take(2)
        #expect(completions.only(.numbered(1)) == Completion(token: .numbered(1), result: -ECANCELED))
        #expect(completions.only(.numbered(2))?.result == 0)
        _ = consume queued
    }
}
