import NBEngine

@testable import NBServer

/// When a simulated behavior is to hear of its timers and timeouts, as far as it knows.
struct SimulatedTiming {
    private(set) var timers: [TimerID: Instant] = [:]
    /// When the behavior hears that nothing has happened, unless it hears something else before.
    private(set) var timeout: Instant?
    /// The next callback is the step that a verdict asked for.
    private(set) var expectsContinuation = false

    /// The earliest of them all.
    var earliest: Instant? {
        .earlier(timeout, timers.values.min())
    }

    mutating func start(_ timer: TimerID, due: Instant) {
        timers[timer] = due
    }

    /// Takes a timer out; returns when it was due, or `nil` if it is not running.
    mutating func remove(_ timer: TimerID) -> Instant? {
        timers.removeValue(forKey: timer)
    }

    /// A callback runs: whatever was to happen if none does, does not.
    mutating func noteCallback() {
        timeout = nil
        expectsContinuation = false
    }

    mutating func note(_ verdict: Verdict, at now: Instant) {
        switch verdict.next {
        case .serveWithin(let nanoseconds): timeout = now.later(byNanoseconds: nanoseconds)
        case .handleContinue: expectsContinuation = true
        case nil, .stop: break
        }
    }
}
