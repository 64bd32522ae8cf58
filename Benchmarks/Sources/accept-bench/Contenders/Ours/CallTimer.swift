@preconcurrency import Glibc
import LoopbackClient
import Measuring
import NBServer
import Synchronization

/// Calls a server now and then, on a thread of its own, and notes how long the answers took.
///
/// A call counts from when it is made; but from when it was due if the one before had no answer by then, since whoever wanted to
/// call has waited too.
final class CallTimer: Sendable {
    private let server: Server<Greeter>
    private let interval: Moment
    private let durations = Mutex<[Moment]>([])

    init(_ server: Server<Greeter>, microseconds: Int) {
        self.server = server
        interval = Moment(microseconds) * 1000
    }

    /// What has been measured by now, in nanoseconds.
    var measured: [Moment] { durations.withLock { $0 } }

    func start() throws {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self).toOpaque()
        let error = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<CallTimer>.fromOpaque(context).takeRetainedValue().run()
                return nil
            },
            context
        )
        guard error == 0 else { throw Failure("pthread_create: \(String(cString: strerror(error)))") }
        pthread_detach(thread)
    }

    private func run() {
        var due = Moment.now()
        while true {
            var start = due
            let now = Moment.now()
            if now < due {
                var pause = timespec(tv_sec: 0, tv_nsec: Int(due - now))
                nanosleep(&pause, nil)
                start = Moment.now()
            }
            guard (try? server.callBlocking(Greeter.Call.ping)) != nil else { return }
            let duration = Moment.now().since(start)
            durations.withLock { $0.append(duration) }
            due += interval
        }
    }
}
