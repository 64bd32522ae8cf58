/// Tasks that wait until something has changed, which they look at again when they are resumed.
///
/// Part of what a lock guards, which its owner takes for every use.
struct WaitList {
    typealias Continuation = UnsafeContinuation<Void, Never>

    /// What a task waits for.
    enum Topic {
        /// A connection, or bytes of one.
        case arrival
        /// Room for bytes to send.
        case room
        /// That the server's thread has got to it.
        case end
    }

    private struct Waiter {
        /// Made before the task waits, so that its cancellation can find it.
        let number: UInt64
        let topic: Topic
        let continuation: Continuation
    }

    private var waiters: [Waiter] = []
    private var lastNumber: UInt64 = 0

    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    func hasWaiters(for topic: Topic) -> Bool {
        waiters.contains { $0.topic == topic }
    }

    mutating func append(_ number: UInt64, for topic: Topic, _ continuation: Continuation) {
        waiters.append(Waiter(number: number, topic: topic, continuation: continuation))
    }

    /// Takes out a task that is cancelled.
    mutating func remove(_ number: UInt64) -> Continuation? {
        removeFirst { $0.number == number }
    }

    /// Takes out the task that has waited for longest.
    mutating func removeFirst(for topic: Topic) -> Continuation? {
        removeFirst { $0.topic == topic }
    }

    private mutating func removeFirst(where isWanted: (Waiter) -> Bool) -> Continuation? {
        guard let index = waiters.firstIndex(where: isWanted) else { return nil }
        return waiters.remove(at: index).continuation
    }
}

/// A state behind a lock that tasks wait for, and that the server's thread changes.
protocol AwaitedState: AnyObject, Sendable {
    associatedtype State: WaitedFor
    var state: Lock<State> { get }
}

protocol WaitedFor {
    var waitList: WaitList { get set }
}

extension AwaitedState {
    /// Waits until the topic's tasks are resumed, unless there is something already, or the task is cancelled.
    ///
    /// A cancellation marks the task before it calls its handler, and both look under the lock: either the task sees that it is
    /// cancelled, or the handler finds it in the list.
    nonisolated(nonsending) func wait(for topic: WaitList.Topic, unless isReady: (State) -> Bool) async {
        let number = state.withLock { $0.waitList.nextNumber() }
        await withTaskCancellationHandler {
            await withUnsafeContinuation { (continuation: WaitList.Continuation) in
                let waits = state.withLock { state in
                    guard !isReady(state), !Task.isCancelled else { return false }
                    state.waitList.append(number, for: topic, continuation)
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waitList.remove(number) }?.resume()
        }
    }

    /// Resumes every task of a topic, outside of the lock.
    func resumeAll(for topic: WaitList.Topic) {
        while let waiter = state.withLock({ $0.waitList.removeFirst(for: topic) }) { waiter.resume() }
    }
}
