internal import NBEngine

/// A value that is resolved once. The first caller resolves it, and any number of threads and tasks wait for it.
package final class Outcome<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var waiters: [Waiter] = []
        var lastNumber: UInt64 = 0
    }

    private struct Waiter {
        let number: UInt64
        let call: @Sendable (Value) -> Void
    }

    private let state = Lock(State())

    package init() {}

    /// The value, if it is resolved.
    var value: Value? { state.withLock { $0.value } }

    /// How many wait for it.
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Resolves the outcome, unless it is resolved.
    package func resolve(_ value: Value) {
        let waiters = state.withLock { state in
            guard state.value == nil else { return [] as [Waiter] }
            state.value = value
            defer { state.waiters = [] }
            return state.waiters
        }
        // Outside of the lock, since a waiter may do anything.
        for waiter in waiters { waiter.call(value) }
    }

    /// Calls `waiter` once with the value: at once, or on the thread that resolves it.
    ///
    /// Returns the waiter's number, for ``forget(_:)``.
    @discardableResult
    func whenResolved(_ waiter: @escaping @Sendable (Value) -> Void) -> UInt64 {
        let (value, number) = state.withLock { state in
            state.lastNumber += 1
            if state.value == nil { state.waiters.append(Waiter(number: state.lastNumber, call: waiter)) }
            return (state.value, state.lastNumber)
        }
        if let value { waiter(value) }
        return number
    }

    /// Removes a waiter. No effect once it has been called.
    func forget(_ number: UInt64) {
        state.withLock { $0.waiters.removeAll { $0.number == number } }
    }

    /// Waits in a task.
    @discardableResult
    package nonisolated(nonsending) func resolved() async -> Value {
        await withUnsafeContinuation { continuation in
            whenResolved { continuation.resume(returning: $0) }
        }
    }

    /// Blocks the thread until it is settled.
    @discardableResult
    func wait() -> Value {
        guard let value = wait(until: nil) else { preconditionFailure("waited for ever, in vain") }
        return value
    }

    /// Blocks the thread until it is settled or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) -> Value? {
        let gate = Gate()
        let number = whenResolved { _ in gate.open() }
        gate.wait(until: deadline)
        forget(number)
        return value
    }
}
