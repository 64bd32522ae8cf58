// What follows from what a kernel tells of itself: first what it knows, and its version only if it does not tell that. And a ring
// that takes its kernel for another one.

import Glibc
import NBEngine
import Testing

@testable import NBUring

struct KernelFactsTests {
    struct Kernel: CustomTestStringConvertible, Sendable {
        let facts: KernelFacts
        var defersWorkSoundly = false
        var receives = false
        var acceptsMultishot = false
        var completesSilently = false
        var waitsOutsideIOWait = false

        var testDescription: String { facts.release }
    }

    /// `IORING_FEAT_*` as they were added.
    private static let featuresOf5_11: UInt32 = 0x1ff
    private static let featuresOf5_17: UInt32 = 0xfff
    private static let featuresOf6_15: UInt32 = 0x3ffff

    @Test(arguments: [
        Kernel(facts: KernelFacts(features: featuresOf5_11, operations: [], release: "5.15.0-91-generic")),
        Kernel(
            facts: KernelFacts(features: featuresOf5_17, operations: [.messageRing], release: "5.18.19"),
            receives: true,
            completesSilently: true
        ),
        // A vendor's: newer code, older version.
        Kernel(
            facts: KernelFacts(
                features: featuresOf5_17,
                operations: [.messageRing, .socket],
                release: "5.14.0-427.13.1.el9_4.x86_64"
            ),
            receives: true,
            acceptsMultishot: true,
            completesSilently: true
        ),
        Kernel(
            facts: KernelFacts(
                features: featuresOf6_15,
                operations: [.messageRing, .socket, .installDescriptor],
                release: "5.14.0-999.el9.x86_64"
            ),
            defersWorkSoundly: true,
            receives: true,
            acceptsMultishot: true,
            completesSilently: true,
            waitsOutsideIOWait: true
        ),
        Kernel(
            facts: KernelFacts(
                features: featuresOf5_17,
                operations: [.messageRing, .socket],
                release: "6.1.0-18-amd64"
            ),
            receives: true,
            acceptsMultishot: true,
            completesSilently: true
        ),
        // Kernels that do not tell.
        Kernel(facts: KernelFacts(features: featuresOf5_11, operations: nil, release: "5.15.0-91-generic")),
        Kernel(
            facts: KernelFacts(features: featuresOf5_17, operations: nil, release: "5.18.0"),
            receives: true,
            completesSilently: true
        ),
        Kernel(
            facts: KernelFacts(features: featuresOf5_17, operations: nil, release: "6.7.12"),
            receives: true,
            acceptsMultishot: true,
            completesSilently: true
        ),
        Kernel(
            facts: KernelFacts(features: featuresOf5_17, operations: nil, release: "6.8"),
            defersWorkSoundly: true,
            receives: true,
            acceptsMultishot: true,
            completesSilently: true
        ),
        Kernel(
            facts: KernelFacts(features: featuresOf6_15, operations: nil, release: "strange"),
            defersWorkSoundly: true,
            receives: true,
            acceptsMultishot: true,
            completesSilently: true,
            waitsOutsideIOWait: true
        ),
    ])
    func whatAKernelKnowsCountsBeforeItsVersion(kernel: Kernel) {
        let facts = kernel.facts
        #expect(facts.hasWhatARingNeeds)
        #expect(facts.defersWorkSoundly == kernel.defersWorkSoundly)
        #expect(facts.receives == kernel.receives)
        #expect(facts.acceptsMultishot == kernel.acceptsMultishot)
        #expect(facts.completesSilently == kernel.completesSilently)
        #expect(facts.waitsOutsideIOWait == kernel.waitsOutsideIOWait)
    }

    private let options = RingOptions(submissionDepth: 8, completionDepth: 16)

    @Test func aRingOnAKernelThatCannotReceiveOpensNoBuffersAndSaysWhy() throws {
        var ring = try Ring(
            RingSetup(RingOptions(submissionDepth: 8, completionDepth: 16, highestLevel: .linux5_11)) { facts in
                KernelFacts(features: facts.features & Self.featuresOf5_11, operations: [], release: "5.15.0")
            }
        )
        let features = ring.features
        #expect(features.receives == false)
        #expect(features.waitsOutsideIOWait == false)
        #expect(
            "\(features)" == "Linux 5.11, submissions 8, completions 16, one-shot accept, no receive, "
                + "asked for no more than Linux 5.11, "
                + "before Linux 5.18 a receive that waits holds a buffer, so workers receive nothing, "
                + "before Linux 6.15 an idle ring counts as waiting for I/O"
        )
        let error = #expect(throws: RingError.self) { try ring.openReceiveBuffers(count: 1, size: 1) }
        #expect(error?.errno == EOPNOTSUPP)
    }

    @Test func aRingOnAKernelThatDefersWorkUnsoundlyStandsOneLevelLower() throws {
        let highest = try Ring(options).features.level
        let features = try Ring(
            RingSetup(options) { facts in
                KernelFacts(features: facts.features, operations: [.messageRing, .socket], release: "6.1.0-18-amd64")
            }
        ).features
        #expect(features.level == min(highest, .linux6_0))
        guard highest == .linux6_1 else { return }
        #expect(features.reasons.first == "before Linux 6.8 deferred work may give an accept a wrong descriptor")
        #expect(features.acceptsMultishot == true)
        #expect(features.registersDescriptor == true)
    }

    @Test func aRingOnAKernelWithoutTimedWaitsIsNotMade() {
        let error = #expect(throws: RingError.self) {
            _ = try Ring(
                RingSetup(options) { facts in
                    KernelFacts(features: facts.features & 0xff, operations: [], release: "5.10.0")
                }
            )
        }
        #expect(error == RingError.tooOld)
    }
}
