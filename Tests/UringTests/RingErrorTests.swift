// RingError: each failure of a set-up names its cause and its cure.

import Glibc
import Testing

@testable import Uring

struct RingErrorTests {
    @Test(arguments: [
        (ENOSYS, "io_uring is missing", "--security-opt seccomp=unconfined"),
        (EPERM, "io_uring is forbidden", "kernel.io_uring_disabled"),
        (EACCES, "io_uring is forbidden", "--security-opt seccomp=unconfined"),
        (ENOMEM, "no memory may be locked", "LimitMEMLOCK="),
        (EMFILE, "process is out of descriptors", "ulimit -n"),
        (ENFILE, "system is out of descriptors", "fs.file-max"),
        (EINVAL, "does not know the options", "out of its range"),
        (EIO, "could not make a ring", ""),
    ])
    func aFailedSetupNamesCauseAndCure(errno: Int32, cause: String, cure: String) {
        let error = RingError.setup(errno)
        #expect(error.operation == "io_uring_setup")
        #expect(error.errno == errno)
        #expect(error.advice.contains(cause))
        #expect(cure.isEmpty || error.advice.contains(cure))
        #expect(error.description == "io_uring_setup: \(errorText(errno)): \(error.advice)")
    }

    @Test func aForeignThreadIsToldWhoseRingItIs() {
        let error = RingError.enter(EEXIST)
        #expect(error.operation == "io_uring_enter")
        #expect(error.errno == EEXIST)
        #expect(error.advice == "a ring is used by the thread that made it and by no other")
        #expect(RingError.enter(EBADFD).advice == "the kernel refuses this ring any further work")
    }

    @Test(arguments: [(-1, 1), (0, 1), (100, 1), (65_536, 1), (1, 0), (1, -1), (1, .max)] as [(Int, Int)])
    func buffersThatCannotBeHadAreAnError(count: Int, size: Int) throws {
        var ring = try Ring(RingOptions(submissionDepth: 1, completionDepth: 1))
        do throws(RingError) {
            try ring.openReceiveBuffers(count: count, size: size)
            Issue.record("there are \(count) buffers of \(size) bytes")
        } catch {
            #expect(error.errno == EINVAL)
            #expect(error.description.contains("\(count) buffers of \(size) bytes"))
        }
    }

    @Test func aKernelThatIsTooOldIsNamedWithoutAnErrorNumber() {
        #expect(RingError.tooOld.errno == 0)
        #expect(RingError.tooOld.description == "io_uring_setup: \(RingError.tooOld.advice)")
        #expect(RingError.tooOld.advice.contains("Linux 5.11 or newer is needed"))
    }

    @Test func anErrorNumberReadsAsTextAndNumber() {
        #expect(errorText(EADDRINUSE) == "Address already in use (errno 98)")
        #expect(errorText(99_999) == "errno 99999")
    }
}
