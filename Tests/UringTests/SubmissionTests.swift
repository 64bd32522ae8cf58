// Submitting: a full submission queue says so and loses nothing, and each way of waiting ends when it says.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct SubmissionTests {
    @Test(arguments: KernelLevel.granted)
    func aFullSubmissionQueueRefusesAndLosesNothing(level: KernelLevel) throws {
        var ring = try DrivenRing(level, submissionDepth: 8, completionDepth: 64)
        try ring.prepareEchoes(0..<8)
        for _ in 0..<2 {
            let fits = ring.ring.prepare(.echo, token: .numbered(99))
            #expect(fits == false)
        }
        try ring.submit()
        try ring.prepareEchoes(8..<16)
        let fitsAgain = ring.ring.prepare(.echo, token: .numbered(99))
        #expect(fitsAgain == false)
        let completions = try ring.take(8) + ring.take(8)
        #expect(completions == (0..<16).map { .echo($0) })
        let rest = try ring.settle()
        #expect(rest == [])
    }

    @Test(arguments: KernelLevel.granted)
    func nothingIsTheKernelsBeforeItIsSubmitted(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        try ring.prepareEchoes(0..<3)
        #expect(ring.ready() == [])
        let submission = try ring.submit(.none)
        #expect(submission == .done)
        #expect(ring.ready() == [.echo(0), .echo(1), .echo(2)])
    }

    @Test(arguments: KernelLevel.granted, [Ring.Wait.none, .poll])
    func aSubmissionThatDoesNotWaitComesBackWithoutACompletion(level: KernelLevel, wait: Ring.Wait) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        let submission = try ring.submit(wait)
        #expect(submission == .done)
        #expect(ring.ready() == [])
        event.signal()
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8)])
    }

    @Test(arguments: KernelLevel.granted)
    func aWaitLastsUntilThereIsACompletion(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        let descriptor = event.descriptor
        let thread = try HelperThread { EventDescriptor.signal(descriptor) }
        let submission = try ring.submit(.forCompletion)
        let completions = ring.ready()
        thread.join()
        #expect(submission == .done)
        #expect(completions == [Completion(token: .numbered(1), result: 8)])
    }

    /// The kernel takes a time beyond its clock's end for one that has passed.
    @Test(arguments: KernelLevel.granted, [Duration.seconds(Int64.max), .seconds(10_000_000_000), .seconds(1 << 33)])
    func aWaitWithoutMeasureLastsUntilThereIsACompletion(level: KernelLevel, limit: Duration) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        try ring.submit()
        let descriptor = event.descriptor
        let waiter = try ThreadState()
        let thread = try HelperThread {
            // It may also have come back: then this ends, and the test fails below.
            let deadline = ContinuousClock.now + .seconds(10)
            while !waiter.isAsleep && ContinuousClock.now < deadline { sched_yield() }
            EventDescriptor.signal(descriptor)
        }
        let submission = try ring.submit(.forCompletionOr(limit))
        let completions = ring.ready()
        thread.join()
        #expect(submission == .done)
        #expect(completions == [Completion(token: .numbered(1), result: 8)])
    }

    @Test(arguments: KernelLevel.granted)
    func aWaitForLessThanNoTimeIsOverAtOnce(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        let submission = try ring.submit(.forCompletionOr(.nanoseconds(-1)))
        #expect(submission == .interrupted)
    }

    @Test(arguments: KernelLevel.granted, [Ring.Wait.forCompletion, .forCompletionOr(.seconds(30))])
    func aWaitIsOverAtOnceWhenACompletionIsThere(level: KernelLevel, wait: Ring.Wait) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        // The second operation never completes here; the wait must not be for it.
        try ring.prepareEchoes(0..<1)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        let submission = try ring.submit(wait)
        #expect(submission == .done)
        // Left in the queue, it still counts for the next wait.
        let another = try ring.submit(wait)
        #expect(another == .done)
        #expect(ring.ready() == [.echo(0)])
        event.signal()
        _ = try ring.take(1)
    }

    @Test(arguments: KernelLevel.granted, [Duration.zero, .milliseconds(-5), .nanoseconds(1), .milliseconds(20)])
    func aTimeLimitInterruptsAWaitForNothing(level: KernelLevel, limit: Duration) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        try ring.submit(.none)
        let start = ContinuousClock.now
        let submission = try ring.submit(.forCompletionOr(limit))
        #expect(submission == .interrupted)
        #expect(ContinuousClock.now - start >= limit)
        #expect(ring.ready() == [])
        // The ring is as good as before.
        event.signal()
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8)])
    }

    @Test(arguments: KernelLevel.granted)
    func aTimeLimitEndsAWaitThatSubmittedSomethingAndTheSubmissionIsDone(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        // The kernel tells how much it took rather than why it stopped waiting.
        let submission = try ring.submit(.forCompletionOr(.milliseconds(1)))
        #expect(submission == .done)
        #expect(ring.ready() == [])
        event.signal()
        #expect(try ring.take(1) == [Completion(token: .numbered(1), result: 8)])
    }

    @Test func aTimeLimitOfMoreThanASecondCountsItsSeconds() throws {
        var ring = try DrivenRing(.highestGranted)
        let limit = Duration.milliseconds(1_010)
        let start = ContinuousClock.now
        let submission = try ring.submit(.forCompletionOr(limit))
        #expect(submission == .interrupted)
        #expect(ContinuousClock.now - start >= limit)
    }

    @Test(arguments: KernelLevel.granted)
    func aTimeLimitDoesNotEndAWaitForWhatComes(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        let descriptor = event.descriptor
        let thread = try HelperThread { EventDescriptor.signal(descriptor) }
        let submission = try ring.submit(.forCompletionOr(.seconds(30)))
        let completions = ring.ready()
        thread.join()
        #expect(submission == .done)
        #expect(completions == [Completion(token: .numbered(1), result: 8)])
    }

    @Test(arguments: KernelLevel.granted)
    func aSignalInterruptsAWait(level: KernelLevel) throws {
        let outcome = try HelperThread { Result { try SignalledWait.run(on: level) } }.join().get()
        #expect(outcome.submission == .interrupted)
        #expect(outcome.completions == [])
        #expect(outcome.afterwards == [Completion(token: .numbered(1), result: 8)])
    }
}
