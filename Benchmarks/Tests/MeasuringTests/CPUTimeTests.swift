// CPUTime: what processes have used, with the threads that have ended.

import Glibc
import Measuring
import Testing

struct CPUTimeTests {
    @Test func aThreadThatHasEndedStillCounts() throws {
        let before = try CPUTime(of: [getpid()])
        var thread = pthread_t()
        let use: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { _ in
            while nanosecondsOfThread() < 1_000_000 {}
            return nil
        }
        #expect(pthread_create(&thread, nil, use, nil) == 0)
        pthread_join(thread, nil)
        #expect(try CPUTime(of: [getpid()]).microseconds(since: before) >= 1000)
    }

    @Test func aProcessThatHasEndedIsAFailureThatNamesIt() throws {
        let child = try ChildProcess(["true"])
        try child.waitUntilSuccessful()
        let failure = #expect(throws: Failure.self) { try CPUTime(of: [child.identifier]) }
        #expect(failure?.description == "process \(child.identifier) has ended")
    }

    @Test func aProcessThatIsStoppedIsIdle() throws {
        let child = try ChildProcess(["sleep", "60"])
        try child.stop()
        let time = try #require(try CPUTime.onceIdle([child.identifier], within: .seconds(60)))
        #expect(try CPUTime(of: [child.identifier]) == time)
    }

    @Test func onceTheLimitIsOverItIsNotWaitedFor() throws {
        #expect(try CPUTime.onceIdle([getpid()], within: .zero) == nil)
    }
}

/// Nanoseconds of CPU time that the calling thread has used.
private func nanosecondsOfThread() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
