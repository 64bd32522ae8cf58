#if Logging || Metrics
internal import Dispatch
internal import NBServer

/// What an observer was told and has not passed on. Servers' threads put it in; a queue of Dispatch delivers it, in batches.
///
/// A thread that puts something in waits for no backend: it holds a lock for as long as it takes to add to the batch. At most one batch an
/// interval is delivered, the first one at once. While a delivery is slow, the next batch gathers.
///
/// ```
///  empty ── put ──▶ due ── the interval since the last delivery is over ──▶ delivering, and empty again
/// ```
///
/// Any thread.
final class Outbox<Batch: Sendable>: Sendable {
    private struct State {
        var batch: Batch
        /// A delivery is scheduled, which has not taken its batch.
        var isDue = false
        var lastDelivery: DispatchTime?
    }

    private let state: Lock<State>
    private let empty: Batch
    private let interval: Duration
    private let queue: DispatchQueue
    private let deliver: @Sendable (Batch) -> Void

    /// - Parameters:
    ///   - name: the queue's, for debuggers.
    ///   - empty: a batch with nothing in it.
    ///   - interval: how long at least from one delivery to the next; below zero is zero.
    ///   - deliver: called on the queue, one batch after the other; it may block.
    init(_ name: String, empty: Batch, interval: Duration, deliver: @escaping @Sendable (Batch) -> Void) {
        state = Lock(State(batch: empty))
        self.empty = empty
        self.interval = max(.zero, interval)
        queue = DispatchQueue(label: name)
        self.deliver = deliver
    }

    /// Adds to the batch.
    ///
    /// - Parameter change: adds, and returns whether there is something to deliver now.
    func put(_ change: (inout Batch) -> Bool) {
        let time: DispatchTime? = state.withLock { state in
            guard change(&state.batch), !state.isDue else { return nil }
            state.isDue = true
            let now = DispatchTime.now()
            return state.lastDelivery.map { max(now, $0.later(by: interval)) } ?? now
        }
        if let time { queue.asyncAfter(deadline: time) { self.deliverBatch(isScheduled: true) } }
    }

    /// Waits until everything that was put in before is delivered, or for so long.
    ///
    /// - Returns: whether everything was.
    @discardableResult
    func flush(within limit: Duration) -> Bool {
        let done = DispatchSemaphore(value: 0)
        queue.async {
            self.deliverBatch(isScheduled: false)
            done.signal()
        }
        return done.wait(timeout: .now().later(by: max(.zero, limit))) == .success
    }

    private func deliverBatch(isScheduled: Bool) {
        let batch = state.withLock { state in
            // One that is scheduled still comes, and finds what was put in since.
            if isScheduled { state.isDue = false }
            state.lastDelivery = .now()
            defer { state.batch = empty }
            return state.batch
        }
        deliver(batch)
    }
}

extension DispatchTime {
    fileprivate func later(by duration: Duration) -> DispatchTime {
        let (seconds, attoseconds) = duration.components
        // Half a century at the most: a sum that is too large would trap.
        let nanoseconds = min(seconds, 1_500_000_000) * 1_000_000_000 + attoseconds / 1_000_000_000
        return self + DispatchTimeInterval.nanoseconds(Int(nanoseconds))
    }
}
#endif
