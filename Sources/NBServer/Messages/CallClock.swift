internal import NBEngine
internal import NBLibc

/// The time limits of the calls that tasks wait for, in this process.
///
/// A limit has to hold although the server is stuck in a callback, so no server can watch it. One thread does, which exists
/// only while there are limits: a call adds its own and takes it back, and hardly ever wakes the thread, since limits that
/// are asked for later mostly end later. Any thread may call.
final class CallClock: Sendable {
    static let shared = CallClock()

    private struct State {
        var limits = DeadlineHeap<Limit>()
        var lastNumber: UInt64 = 0
        var hasThread = false
        /// While the thread sleeps: its deadline, and the gate that ends the sleep early. Else `nil`.
        var sleep: (until: Instant, gate: Gate)?
    }

    private struct Limit {
        let call: PendingCall
        let duration: Duration
    }

    private let state = Lock(State())

    /// Fails a call when a time has passed, unless the limit is taken back by the number returned.
    func start(_ call: PendingCall, _ duration: Duration) -> UInt64 {
        let deadline = Instant.now + duration
        let (number, gate, needsThread) = state.withLock { state in
            state.lastNumber += 1
            state.limits.insert(Limit(call: call, duration: duration), number: state.lastNumber, deadline: deadline)
            let needsThread = !state.hasThread
            state.hasThread = true
            let sleepsTooLong = state.sleep.map { deadline < $0.until } == true
            return (state.lastNumber, sleepsTooLong ? state.sleep?.gate : nil, needsThread)
        }
        gate?.open()
        if needsThread { startWatching() }
        return number
    }

    /// Takes a limit back.
    func cancel(_ number: UInt64) {
        // Dropped outside of the lock: its end may be a caller's, which may do anything.
        _ = state.withLock { $0.limits.remove(number) }
    }

    /// Without a thread nothing would end a call that is not answered; so calls with a limit fail at once then.
    private func startWatching() {
        do {
            try startThread(named: "nb-call-clock") { self.watch() }
        } catch {
            let stranded = state.withLock { state in
                state.hasThread = false
                var stranded: [Limit] = []
                while let limit = state.limits.removeFirst(dueAt: Instant(nanoseconds: .max)) { stranded.append(limit) }
                return stranded
            }
            for limit in stranded { limit.call.fail(.timeout(limit.duration)) }
        }
    }

    private func watch() {
        while let (due, sleep) = next() {
            for limit in due { limit.call.fail(.timeout(limit.duration)) }
            sleep?.gate.wait(until: sleep?.until)
        }
    }

    /// What is due, and how long to sleep afterwards; `nil` when there is nothing left to watch.
    private func next() -> (due: [Limit], sleep: (until: Instant, gate: Gate)?)? {
        state.withLock { state in
            var due: [Limit] = []
            let now = Instant.now
            while let limit = state.limits.removeFirst(dueAt: now) { due.append(limit) }
            state.sleep = state.limits.earliest.map { ($0, Gate()) }
            guard !due.isEmpty || state.sleep != nil else {
                state.hasThread = false
                return nil
            }
            return (due, state.sleep)
        }
    }
}
