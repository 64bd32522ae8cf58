import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// The ring's alarm, which wakes a host that waits elsewhere, when the kernel has not got it.
@Suite(.serialized) struct RingAlarmTests {
    /// A filter of operations may let everything through but timeouts. Setting the alarm again would have the host turn without end.
    @Test(arguments: [EACCES, EPERM, EINVAL, EOPNOTSUPP], [Token.alarm, .movedAlarm])
    func anAlarmThatIsForbiddenEndsTheEngine(errno: Int32, token: Token) throws {
        var engine = try RingEngine(RingOptions(), receiveBufferCount: 1, receiveBufferSize: 16)
        engine.completedOwn(Completion(token: token, result: -errno))
        do {
            try engine.enter(until: engine.now)
            Issue.record("the engine goes on")
        } catch {
            #expect(error.operation == "io_uring operation timeout")
            #expect(error.errno == errno)
        }
    }

    /// The error is the cause with which a worker's connection ends.
    @Test func receiveBuffersThatCannotBeHadSayWhy() throws {
        var engine = try RingEngine(RingOptions(), receiveBufferCount: 3, receiveBufferSize: 16)
        let error = engine.openReceiveBuffers()
        #expect(error == EINVAL)
    }

    /// The kernel ends the alarm with an error, as it does for want of memory. Moving it then would move nothing.
    @Test(arguments: KernelLevel.granted)
    func anAlarmThatIsGoneIsSetAnew(level: KernelLevel) throws {
        let engine = DrivenEngine(
            try RingEngine(RingOptions(highestLevel: level), receiveBufferCount: 1, receiveBufferSize: 16)
        )
        let event = try EventDescriptor(blocks: false)
        let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
        #expect(try engine.turnUntilResting(until: engine.now + .seconds(3_600)) == [])
        engine.submit(.cancel(.alarm, descriptor: -1), .of(.cancel, 1))
        #expect(try engine.take(1) == [Completion(token: .of(.cancel, 1), result: 0)])
        // The end of the alarm may come after the answer to the cancel.
        #expect(try engine.turnUntilResting(until: engine.now + .seconds(3_600)) == [])
        #expect(try engine.turnUntilResting(until: engine.now + .milliseconds(20)) == [])
        #expect(engine.isPending || poll(descriptor, POLLIN, limit: 60_000))
    }
}
