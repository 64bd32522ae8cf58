import Foundation
import NIOCore
import Synchronization

/// Asks the event loop for an answer now and then, on a thread of its own, and notes how long it took.
///
/// A call counts from when it is made; but from when it was due if the one before had no answer by then, since whoever wanted to
/// call has waited too.
final class CallTimer: Sendable {
    private let durations = Mutex<[UInt64]>([])

    init(_ loop: any EventLoop, microseconds: Int) {
        let interval = UInt64(microseconds) * 1000
        Thread.detachNewThread {
            var due = Self.now()
            while true {
                var start = due
                let now = Self.now()
                if now < due {
                    var pause = timespec(tv_sec: 0, tv_nsec: Int(due - now))
                    nanosleep(&pause, nil)
                    start = Self.now()
                }
                guard (try? loop.submit {}.wait()) != nil else { return }
                let duration = Self.now() - start
                self.durations.withLock { $0.append(duration) }
                due += interval
            }
        }
    }

    /// What has been measured by now, in nanoseconds.
    var measured: [UInt64] { durations.withLock { $0 } }

    private static func now() -> UInt64 {
        DispatchTime.now().uptimeNanoseconds
    }
}
