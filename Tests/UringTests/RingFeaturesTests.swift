// The feature ladder: a ring reports the level it was held to, and depths as the kernel rounded them; and each level
// behaves as it says.

import Glibc
import GrantedLevels
import NBEngine
import NBUring
import Testing

struct RingFeaturesTests {
    @Test(arguments: KernelLevel.granted)
    func aRingReportsTheLevelItWasHeldTo(level: KernelLevel) throws {
        let ring = try Ring(RingOptions(submissionDepth: 8, completionDepth: 16, highestLevel: level))
        let features = ring.features
        let isAboveBasic = level > .linux5_11
        #expect(features.level == level)
        #expect(features.acceptsMultishot == isAboveBasic)
        #expect(features.completesSilently == isAboveBasic)
        #expect(features.registersDescriptor == isAboveBasic)
        #expect(
            features.reasons == (level == .linux6_1 ? [] : ["asked for no more than \(level)"]) + features.idleReason
        )
    }

    @Test func theReportReadsAsOneLine() throws {
        let basic = try Ring(RingOptions(submissionDepth: 8, completionDepth: 16, highestLevel: .linux5_11)).features
        #expect(
            "\(basic)" == "Linux 5.11, submissions 8, completions 16, one-shot accept, one-shot receive, "
                + (basic.waitsOutsideIOWait ? "waits outside iowait, " : "")
                + (["asked for no more than Linux 5.11"] + basic.idleReason).joined(separator: ", ")
        )
        let full = try Ring(RingOptions(submissionDepth: 8, completionDepth: 16)).features
        var parts = ["\(KernelLevel.highestGranted), submissions 8, completions 16, multishot accept"]
        parts.append(full.receivesMultishot ? "multishot receive" : "one-shot receive")
        parts.append("shared buffers, silent successes, registered descriptor")
        parts += (full.waitsOutsideIOWait ? ["waits outside iowait"] : []) + full.reasons
        #expect("\(full)" == parts.joined(separator: ", "))
    }

    @Test(arguments: [
        // asked for, granted
        (5, 9, 8, 16), (8, 8, 8, 8), (1, 1, 1, 1), (64, 16, 16, 16), (64, 9, 16, 16), (5, 4, 4, 4),
        (100, 200, 128, 256),
    ])
    func depthsAreRoundedUpAndTheCompletionDepthHoldsTheOtherDown(
        submissions: Int,
        completions: Int,
        grantedSubmissions: Int,
        grantedCompletions: Int
    ) throws {
        for level in KernelLevel.granted {
            let features = try Ring(
                RingOptions(submissionDepth: submissions, completionDepth: completions, highestLevel: level)
            ).features
            #expect(features.level == level)
            #expect(features.submissionDepth == grantedSubmissions)
            #expect(features.completionDepth == grantedCompletions)
        }
    }

    @Test(arguments: [(0, 16), (-1, 16), (16, 0), (16, -1), (1 << 20, 1 << 20), (Int.max, Int.max)])
    func depthsOutOfTheKernelsRangeAreRefused(submissions: Int, completions: Int) {
        let error = #expect(throws: RingError.self) {
            _ = try Ring(RingOptions(submissionDepth: submissions, completionDepth: completions))
        }
        #expect(error?.operation == "io_uring_setup")
        #expect(error?.errno == EINVAL)
    }

    @Test func aRingWhoseDescriptorIsNotRegisteredSaysWhyAndWorks() throws {
        // The kernel registers sixteen for a thread; this thread holds no others.
        let reports = try HelperThread { Result { try RingTower.features(ofRings: 17) } }.join().get()
        #expect(reports.count == 17)
        #expect(reports.prefix(16).map(\.registersDescriptor) == Array(repeating: true, count: 16))
        // On an older kernel each has a reason of its level besides.
        let ofLevel = reports.first?.reasons ?? []
        #expect(reports.prefix(16).map(\.reasons) == Array(repeating: ofLevel, count: 16))
        #expect(reports.last?.registersDescriptor == false)
        #expect(reports.last?.reasons.count == ofLevel.count + 1)
        #expect(reports.last?.reasons.last?.hasPrefix("the ring's descriptor could not be registered: ") == true)
    }

    @Test(arguments: KernelLevel.granted)
    func aRingGivesItsRegistrationBack(level: KernelLevel) throws {
        let registrations = try HelperThread {
            Result {
                try (0..<40).map { _ in
                    try Ring(RingOptions(submissionDepth: 1, completionDepth: 1, highestLevel: level))
                        .features.registersDescriptor
                }
            }
        }.join().get()
        #expect(registrations == Array(repeating: level > .linux5_11, count: 40))
    }

    @Test(arguments: KernelLevel.granted)
    func onlyADeferredRingKeepsCompletionWorkForTheNextPoll(level: KernelLevel) throws {
        let event = try EventDescriptor()
        let counter = Buffer(count: 8)
        var ring = try DrivenRing(level)
        try ring.prepare(.read(descriptor: event.descriptor, into: counter.target, count: 8), token: .numbered(1))
        try ring.submit(.none)
        // The work becomes due in this thread's own system call, and all but a deferred ring do it at its end.
        event.signal()
        let early = ring.ready()
        #expect(early.count == (level == .linux6_1 ? 0 : 1))
        try ring.submit(.poll)
        let all = early + ring.ready()
        #expect(all == [Completion(token: .numbered(1), result: 8)])
    }

    @Test(arguments: KernelLevel.granted)
    func anEntryThatIsRefusedEndsASubmissionOnlyOnTheLowestLevel(level: KernelLevel) throws {
        var ring = try DrivenRing(level)
        let byte = Buffer(count: 1)
        // More than the kernel's signed length can say: refused when the entry is read.
        let refused = Operation.send(descriptor: 0, bytes: byte.prefix(1 << 31))
        try ring.prepare(refused, token: .numbered(0))
        try ring.prepareEchoes(1..<4)
        try ring.submit(.none)
        let first = ring.ready()
        // An older kernel, such as 6.1, does not look at the length before it has looked for the socket.
        let isRefusedWhenRead = first.first?.result != -ENOTSOCK
        if !isRefusedWhenRead { print("not run on this kernel: an entry that is refused when it is read, on \(level)") }
        #expect(first.first == Completion(token: .numbered(0), result: isRefusedWhenRead ? -EINVAL : -ENOTSOCK))
        #expect(first.count == (level == .linux5_11 && isRefusedWhenRead ? 1 : 4))
        try ring.submit(.none)
        let all = first + ring.ready()
        #expect(all.dropFirst() == [.echo(1), .echo(2), .echo(3)])
    }

    @Test func theLevelsStandInTheOrderOfTheirKernels() {
        #expect(KernelLevel.allCases == [.linux5_11, .linux5_19, .linux6_0, .linux6_1])
        #expect(KernelLevel.allCases.sorted(by: >) == [.linux6_1, .linux6_0, .linux5_19, .linux5_11])
    }

    @Test func aRingAsksForEverythingUnlessToldOtherwise() throws {
        let features = try Ring().features
        #expect(features.level == .highestGranted)
        #expect(features.submissionDepth == 256)
        #expect(features.completionDepth == 256)
        // A level that the kernel does not grant is a reason, and so is an idle ring that waits for I/O.
        let isOfOldLevel = features.level != .linux6_1
        #expect(features.reasons.count == (isOfOldLevel ? 1 : 0) + features.idleReason.count)
    }
}

extension RingFeatures {
    /// What the report has to say of a kernel on which an idle ring waits for I/O.
    fileprivate var idleReason: [String] {
        waitsOutsideIOWait ? [] : ["before Linux 6.15 an idle ring counts as waiting for I/O"]
    }
}
