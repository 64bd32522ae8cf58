// Counts heap allocations, retains and releases on a server's thread while it serves 10,000 connections or
// messages, and fails on the first one too many:
//
//     swift build -c release --product allocation-check && .build/release/allocation-check
//
// Exit status: 0 if every scenario keeps to its limit and the controls show that the counting works, 1 if not, 2 if
// this build cannot tell.

internal import CAllocationCounter
@preconcurrency import Glibc
internal import NBServer

#if DEBUG
print("allocation-check: only an optimized build says anything; build it with: swift build -c release")
exit(2)
#elseif !arch(x86_64)
print("allocation-check: counting retains has not been tried on this processor; see AllocationCounter.c")
exit(2)
#else
setvbuf(stdout, nil, _IOLBF, 0)
allocation_counter_install()
do {
    try raiseDescriptorLimit()
    // All of them, also after one has failed.
    let results = try runScenarios() + runControls()
    exit(results.allSatisfy(\.self) ? 0 : 1)
} catch {
    print("allocation-check: FAILED: \(error)")
    exit(1)
}
#endif

/// A burst is open at both ends at once, all in this process: about 1,000 descriptors, the usual limit.
func raiseDescriptorLimit() throws {
    let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(descriptors, &limit) == 0 else { throw Failure(call: "getrlimit") }
    limit.rlim_cur = min(limit.rlim_max, max(limit.rlim_cur, 20_000))
    guard setrlimit(descriptors, &limit) == 0 else { throw Failure(call: "setrlimit") }
}

func runScenarios() throws -> [Bool] {
    let text = LongGreeter.greeting
    // Limits that nothing reaches.
    let rate = AdmissionLimits.Rate(perSecond: 1_000_000, burst: 1_000_000)
    let far = AdmissionLimits(maximumOpen: 1_000_000, rate: rate, perListener: .init(maximumOpen: 1_000_000))
    let farOfSources = AdmissionLimits(perSource: AdmissionLimits.SourceLimits(maximumOpen: 1_000_000, rate: rate))
    // Rules about other sources than the clients'.
    let rules = try SourceRules(
        (0..<10_000).map { number in
            let prefix = try AddressPrefix("10.\(number / 256).\(number % 256).0/24")
            return (prefix, number.isMultiple(of: 2) ? .deny : .allow)
        },
        default: .allow
    )
    let line = [UInt8](repeating: 0x6e, count: 63)
    return [
        try Scenario(name: "greeting, one by one").run(Greeter.init),
        try Scenario(name: "greeting, bursts", burst: 500).run(Greeter.init),
        try Scenario(name: "greeting, limits, one by one", limits: far).run(Greeter.init),
        try Scenario(name: "greeting, limits, bursts", burst: 500, limits: far).run(Greeter.init),
        try Scenario(name: "greeting, limits by source, one by one", limits: farOfSources).run(Greeter.init),
        try Scenario(name: "greeting, limits by source, bursts", burst: 500, limits: farOfSources).run(Greeter.init),
        try Scenario(name: "greeting, 10,000 rules, one by one", rules: rules).run(Greeter.init),
        try Scenario(
            name: "greeting, 10,000 rules and limits by source, bursts",
            burst: 500,
            limits: farOfSources,
            rules: rules
        )
        .run(Greeter.init),
        try Scenario(name: "1,000 bytes of text, one by one", greeting: text)
            .run { LongGreeter(meter: $0, text: text) },
        try Scenario(name: "1,000 bytes of text, bursts", greeting: text, burst: 500)
            .run { LongGreeter(meter: $0, text: text) },
        try Scenario(name: "1,000 bytes in an array, one by one", greeting: text)
            .run { LongBytesGreeter(meter: $0, bytes: Array(text.utf8)) },
        try Scenario(name: "kept, taken in the next callback", greetsPrevious: true).run(Keeper.init),
        try Scenario(name: "clients that speak first", clientsSpeak: true).run(Greeter.init),
        try Scenario(name: "echo by workers, once", longLived: 100).run { EchoServer(meter: $0, isContinuous: false) },
        try Scenario(name: "echo by workers, continuous", longLived: 100)
            .run { EchoServer(meter: $0, isContinuous: true) },
        try Scenario(name: "frames by workers, lines", longLived: 100, message: line + [0x0a])
            .run { FrameServer(meter: $0, framing: .line) },
        try Scenario(name: "frames by workers, lines of text", longLived: 100, message: line + [0x0a])
            .run { FrameServer(meter: $0, framing: .line, text: String(decoding: line, as: UTF8.self)) },
        try Scenario(name: "frames by workers, behind their length", longLived: 100, message: [0, 0, 0, 63] + line)
            .run { FrameServer(meter: $0, framing: .lengthHeader(.fourBytes)) },
        try Scenario(name: "short connections of workers", greeting: Client.words, isAnswered: true)
            .run(TurnaroundServer.init),
        try Scenario(name: "arrivals as a sequence, one by one").run(ArrivalConsumer(isBatched: false)),
        try Scenario(name: "arrivals as a sequence, bursts", burst: 500).run(ArrivalConsumer(isBatched: false)),
        try Scenario(name: "arrivals in batches, one by one").run(ArrivalConsumer(isBatched: true)),
        try Scenario(name: "arrivals in batches, bursts", burst: 500).run(ArrivalConsumer(isBatched: true)),
    ]
}

/// Behaviors that do too much: a check that would let them pass is broken.
func runControls() throws -> [Bool] {
    let everyTime = Counts(allocations: 10_000, frees: 10_000, retains: 10_000, releases: 20_000)
    let once = Counts(allocations: 1, frees: 1, retains: 1, releases: 2)
    return [
        try Scenario(name: "control, one object per connection", limit: everyTime)
            .run { Waster(meter: $0, interval: 1) },
        try Scenario(name: "control, one object in all", limit: once).run { Waster(meter: $0, interval: 7_000) },
    ]
}
