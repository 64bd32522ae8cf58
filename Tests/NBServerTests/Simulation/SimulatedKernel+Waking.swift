import Glibc
import NBEngine

@testable import NBServer

// The wake-up: a read of a real event descriptor, which completes when the real one would.
extension SimulatedKernel {
    /// Reads the wake-up, if somebody has woken the loop.
    func readWakeUp() {
        guard let token = wakeUp else { return }
        if happens(.interruption) {
            wakeUp = nil
            post(token, -EINTR, of: 0)
        } else if isWoken {
            var count: UInt64 = 0
            let result = read(wakeUpDescriptor, &count, MemoryLayout<UInt64>.size)
            wakeUpMemory?.base.storeBytes(of: count, as: UInt64.self)
            wakeUp = nil
            post(token, Int32(result), of: 0)
        }
    }

    /// The read that waits will complete, or the host's descriptor is readable.
    var isAboutToWake: Bool { canBeWoken && isWoken }

    /// Another thread can wake the loop.
    var canBeWoken: Bool { wakeUp != nil || polledDescriptor != nil }

    private var isWoken: Bool {
        var poll = pollfd(fd: polledDescriptor ?? wakeUpDescriptor, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1
    }
}
