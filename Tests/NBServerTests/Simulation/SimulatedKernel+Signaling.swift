@testable import NBServer
@testable import Uring

// For a host that waits elsewhere: a descriptor that is readable when something comes where nothing was, as a ring's.
extension SimulatedKernel {
    /// The host is about to wait. Returns whether it may.
    func rest(until deadline: Instant?) -> Bool {
        if let deadline {
            let isSet = alarm.map { $0 > now } ?? false
            alarm = isSet ? min(alarm ?? deadline, deadline) : deadline
        }
        isSignaled = false
        // An alarm in the past has gone off by the time it is set.
        if let alarm, alarm <= now { return false }
        return !isPending && !hasSubmitted
    }

    /// Lets others act and time pass until the descriptor is readable, or the host comes for no reason.
    func waitForSignal(_ act: () -> Void) {
        if isPending || hasSubmitted { violate("the host waits, and nothing will tell it what the kernel has") }
        for _ in 0..<6 where !isSignaled {
            worldStep()
            act()
            readWakeUp()
            progress()
            isSignaled = isPending
        }
        guard !isSignaled, let alarm, alarm <= now || random.chance(900) else { return }
        advance(to: alarm)
        self.alarm = nil
    }
}
