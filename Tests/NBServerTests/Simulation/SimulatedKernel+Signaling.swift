import Glibc
import NBEngine

@testable import NBServer
@testable import NBUring

// For a host that waits elsewhere: a descriptor that is readable when something comes where nothing was, as a ring's, or when
// another thread wakes the loop.
extension SimulatedKernel {
    /// The host is about to wait.
    func rest(until deadline: Instant?) {
        if let deadline {
            let isSet = alarm.map { $0 > now } ?? false
            alarm = isSet ? min(alarm ?? deadline, deadline) : deadline
        }
        isSignaled = false
        if let polledDescriptor { EventDescriptor.clear(polledDescriptor) }
    }

    /// An alarm in the past has gone off by the time it is set.
    var hasAlarmGoneOff: Bool { alarm.map { $0 <= now } ?? false }

    /// Whether the descriptor of a still kernel's host is readable now or, with patience, at the alarm.
    func isHostSignaled(patiently: Bool) -> Bool {
        if isPending || isAboutToWake { isSignaled = true }
        if !isSignaled, patiently, let alarm { advance(to: alarm) }
        if hasAlarmGoneOff { isSignaled = true }
        return isSignaled
    }

    /// Lets others act and time pass until the descriptor is readable, or the host comes for no reason.
    func waitForSignal(_ act: () -> Void) {
        if isPending || hasSubmitted { violate("the host waits, and nothing will tell it what the kernel has") }
        for _ in 0..<6 where !isSignaled {
            worldStep()
            act()
            progress()
            isSignaled = isPending || isAboutToWake
        }
        if !isSignaled, let alarm, alarm <= now || random.chance(900) { advance(to: alarm) }
        if hasAlarmGoneOff { alarm = nil }
    }
}
