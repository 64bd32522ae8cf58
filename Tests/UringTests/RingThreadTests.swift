// A ring belongs to the thread that made it: on every level it refuses every other thread, and says so in words.

import Glibc
import GrantedLevels
import NBUring
import Testing

struct RingThreadTests {
    @Test(arguments: KernelLevel.granted)
    func anotherThreadIsRefusedAndNothingIsLost(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<2)
        let failure = try withUnsafeMutablePointer(to: &ring) { pointer in
            let lent = LentRing(pointer)
            return try HelperThread { lent.failureOfASubmission() }.join()
        }
        #expect(failure?.operation == "io_uring_enter")
        #expect(failure?.errno == EEXIST)
        #expect(failure?.advice == "a ring is used by the thread that made it and by no other")
        #expect(try ring.take(2) == [.echo(0), .echo(1)])
    }

    @Test(arguments: KernelLevel.granted)
    func anotherThreadIsRefusedEvenIfItHasARingOfItsOwn(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<2)
        let failure = try withUnsafeMutablePointer(to: &ring) { pointer in
            let lent = LentRing(pointer)
            return try HelperThread {
                Result {
                    let own = try DrivenRing(level)
                    let failure = lent.failureOfASubmission()
                    _ = own.ring.features
                    return failure
                }
            }.join().get()
        }
        #expect(failure?.errno == EEXIST)
        #expect(try ring.take(2) == [.echo(0), .echo(1)])
    }
}
