// Operations that complete only if they fail: no completion for a success, one for a failure, and for every operation
// where the kernel knows no silence.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct SilentCompletionTests {
    @Test(arguments: KernelLevel.granted)
    func aSilentSuccessCompletesOnlyOnTheLowestLevel(level: KernelLevel) throws {
        var connection = try LoopbackConnection()
        let bytes = Buffer(Buffer.pattern(40))
        var ring = try DrivenRing(level)
        let server = connection.handOverServer()
        try ring.prepare(
            .send(descriptor: server, bytes: bytes.bytes),
            token: .numbered(1),
            silently: true
        )
        try ring.prepare(.close(descriptor: server), token: .numbered(2), silently: true)
        let completions = try ring.settle()
        let all = [
            Completion(token: .numbered(1), result: 40),
            Completion(token: .numbered(2), result: 0),
        ]
        #expect(completions == (level == .linux5_11 ? all : []))
        // Silent or not, it was done.
        let received = connection.client.readToEnd()
        #expect(received.bytes == Buffer.pattern(40))
        #expect(received.ending == .finished)
    }

    @Test(arguments: KernelLevel.granted)
    func aSilentFailureCompletes(level: KernelLevel) throws {
        let connection = try LoopbackConnection()
        let bytes = Buffer(Buffer.pattern(40))
        var ring = try DrivenRing(level)
        try connection.client.reset()
        #expect(try ring.result(of: .discardInput(descriptor: connection.server)) == -ECONNRESET)
        try ring.prepare(.close(descriptor: .max), token: .numbered(1), silently: true)
        try ring.prepare(
            .send(descriptor: connection.server, bytes: bytes.bytes),
            token: .numbered(2),
            silently: true
        )
        let completions = try ring.settle()
        #expect(
            completions == [
                Completion(token: .numbered(1), result: -EBADF),
                Completion(token: .numbered(2), result: -EPIPE),
            ]
        )
    }

    @Test(arguments: KernelLevel.granted)
    func aSilentOperationBetweenOthersLeavesTheirOrderAlone(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<1)
        try ring.prepare(.echo, token: .numbered(1), silently: true)
        try ring.prepareEchoes(2..<3)
        // An echo is a failure.
        #expect(try ring.settle() == [.echo(0), .echo(1), .echo(2)])
    }
}
