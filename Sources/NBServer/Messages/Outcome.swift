internal import Synchronization

/// What something comes to: settled once, by whoever is first, and waited for by any number of threads and tasks.
final class Outcome<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [@Sendable (Value) -> Void] = []
    }

    private let state = Mutex(State())

    /// The value, if it is settled.
    var value: Value? { state.withLock { $0.value } }

    /// Settles it, unless somebody was first.
    func settle(_ value: Value) {
        let waiters = state.withLock { state in
            guard state.value == nil else { return [] as [@Sendable (Value) -> Void] }
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        // Outside of the lock, since a waiter may do anything.
        for waiter in waiters { waiter(value) }
    }

    /// Calls `waiter` once with the value: at once, or on the thread that settles it.
    func whenSettled(_ waiter: @escaping @Sendable (Value) -> Void) {
        let value = state.withLock { state in
            if state.value == nil { state.waiters.append(waiter) }
            return state.value
        }
        if let value { waiter(value) }
    }

    /// Waits in a task.
    nonisolated(nonsending) func settled() async -> Value {
        await withUnsafeContinuation { continuation in
            whenSettled { continuation.resume(returning: $0) }
        }
    }

    /// Blocks the thread until it is settled.
    func wait() -> Value {
        guard let value = wait(until: nil) else { preconditionFailure("waited for ever, in vain") }
        return value
    }

    /// Blocks the thread until it is settled or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) -> Value? {
        let gate = Gate()
        whenSettled { _ in gate.open() }
        gate.wait(until: deadline)
        return value
    }
}
