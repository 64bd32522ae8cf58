// A ring belongs to the thread that made it: on every rung it refuses every other thread, and says so in words.

import Glibc
import GrantedRungs
import NBUring
import Testing

struct RingThreadTests {
    @Test(arguments: Rung.granted)
    func anotherThreadIsRefusedAndNothingIsLost(rung: Rung) throws {
        var ring = try DrivenRing(rung)
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

    @Test(arguments: Rung.granted)
    func anotherThreadIsRefusedEvenIfItHasARingOfItsOwn(rung: Rung) throws {
        var ring = try DrivenRing(rung)
        try ring.prepareEchoes(0..<2)
        let failure = try withUnsafeMutablePointer(to: &ring) { pointer in
            let lent = LentRing(pointer)
            return try HelperThread {
                Result {
                    let own = try DrivenRing(rung)
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
