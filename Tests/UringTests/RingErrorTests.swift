// RingError: each failure names its cause and its cure.

import Glibc
import Testing

@testable import NBUring

struct RingErrorTests {
    /// Every error of `io_uring_setup(2)`, and some that only a seccomp profile gives.
    @Test(arguments: [
        (ENOSYS, "io_uring is missing", "--security-opt seccomp=PROFILE.json"),
        (EPERM, "kernel.io_uring_disabled (2 forbids it to all, 1 to those", "set it to 0"),
        (EPERM, "kernel.io_uring_group", "join the group"),
        (EPERM, "or by a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (EACCES, "by a security module such as SELinux", "allow it in its policy"),
        (EACCES, "or by a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (EOPNOTSUPP, "by a seccomp profile or a sandbox", "--security-opt seccomp=PROFILE.json"),
        (EIO, "by a seccomp profile or a sandbox", "--security-opt seccomp=PROFILE.json"),
        (ENOMEM, "no memory may be locked", "LimitMEMLOCK="),
        (EAGAIN, "no memory may be locked", "LimitMEMLOCK="),
        (EMFILE, "process is out of descriptors", "ulimit -n"),
        (ENFILE, "system is out of descriptors", "fs.file-max"),
        (EINVAL, "does not know the options", "ask for 1 to 32,768 submissions"),
        (EFAULT, "cannot read this library's parameters", "report it"),
    ])
    func aFailedSetupNamesCauseAndCure(errno: Int32, cause: String, cure: String) {
        expect(RingError.setup(errno), "io_uring_setup", errno, cause, cure)
    }

    /// Every error of `io_uring_enter(2)`, and those of a seccomp profile.
    @Test(arguments: [
        (EPERM, "can be made but not used: a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (EACCES, "can be made but not used: a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (ENOSYS, "can be made but not used: a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (EOPNOTSUPP, "a seccomp profile refuses io_uring_enter", "--security-opt seccomp=PROFILE.json"),
        (EOPNOTSUPP, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (EBADF, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (EBADFD, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (ENXIO, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (EAGAIN, "no memory for requests", "give the machine or the container more"),
        (EBUSY, "no room for completions", "give the machine or the container more"),
        (EBADR, "no memory for completions and lost some", "give the machine or the container more"),
        (EFAULT, "does not understand this library's call", "report it"),
        (EINVAL, "does not understand this library's call", "report it"),
        (EEXIST, "a ring is used by the thread that made it", "and by no other"),
    ])
    func aRefusedSubmissionNamesCauseAndCure(errno: Int32, cause: String, cure: String) {
        expect(RingError.enter(errno), "io_uring_enter", errno, cause, cure)
    }

    /// Every error of `io_uring_register(2)` that receive buffers can meet, and those of a seccomp profile.
    @Test(arguments: [
        (EPERM, "refuses io_uring_register", "--security-opt seccomp=PROFILE.json"),
        (ENOSYS, "refuses io_uring_register", "--security-opt seccomp=PROFILE.json"),
        (EOPNOTSUPP, "refuses io_uring_register", "--security-opt seccomp=PROFILE.json"),
        (EACCES, "a restriction of the ring, a filter or a seccomp profile", "--security-opt seccomp=PROFILE.json"),
        (ENOMEM, "no memory may be locked", "LimitMEMLOCK="),
        (EMFILE, "process is out of descriptors", "ulimit -n"),
        (EBADF, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (EBADFD, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (ENXIO, "the ring's descriptor is closed or is another file", "find what in this process closes"),
        (EEXIST, "has receive buffers, or another thread registers", "only the thread that made a ring may"),
        (EBUSY, "does not take the receive buffers", "report it"),
        (EFAULT, "does not take the receive buffers", "report it"),
        (EINVAL, "does not take the receive buffers", "report it"),
        (ETIME, "does not take the receive buffers", "report it"),
    ])
    func refusedReceiveBuffersNameCauseAndCure(errno: Int32, cause: String, cure: String) {
        let operation = "io_uring_register_buf_ring"
        expect(RingError.register(operation, errno), operation, errno, cause, cure)
    }

    private func expect(_ error: RingError, _ operation: String, _ errno: Int32, _ cause: String, _ cure: String) {
        #expect(error.operation == operation)
        #expect(error.errno == errno)
        #expect(error.advice.contains(cause))
        #expect(error.advice.contains(cure))
        #expect(error.description == "\(operation): \(errorText(errno)): \(error.advice)")
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
