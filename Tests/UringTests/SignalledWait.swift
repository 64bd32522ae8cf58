// A wait without a limit, on the calling thread, which another thread shoots signals at until it is over.

import Glibc
import NBEngine
import NBUring
import Synchronization
import Testing

struct SignalledWait: Sendable {
    let submission: Ring.Submission
    /// What had completed when the wait was over.
    let completions: [Completion]
    /// What completed once the event was signalled.
    let afterwards: [Completion]

    /// Wants a thread of its own: the signal's mask and the signals are the thread's.
    static func run(on level: KernelLevel) throws -> SignalledWait {
        // Does nothing, but ends system calls.
        signal(SIGUSR2) { _ in }
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGUSR2)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)

        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        try ring.submit()

        let isOver = Flag()
        let waiter = pthread_self()
        let descriptor = event.descriptor
        let shooter = try HelperThread {
            let deadline = ContinuousClock.now + .seconds(20)
            while !isOver.isSet && ContinuousClock.now < deadline {
                pthread_kill(waiter, SIGUSR2)
                sched_yield()
            }
            // A wait that no signal ends must end all the same, for the test to fail.
            if !isOver.isSet { EventDescriptor.signal(descriptor) }
        }
        let submission = try ring.submit(.forCompletion)
        isOver.set()
        shooter.join()
        let completions = ring.ready()
        event.signal()
        return SignalledWait(submission: submission, completions: completions, afterwards: try ring.take(1))
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)

        var isSet: Bool { value.load(ordering: .acquiring) }

        func set() {
            value.store(true, ordering: .releasing)
        }
    }
}
