internal import NBEngine
internal import NBLibc
internal import Synchronization

/// A word that threads sleep on while it has a value. Any thread. `futex(2)`.
///
/// Owned by what waits by it: a ``Gate``, or a ``PendingCall``.
struct Futex: ~Copyable, @unchecked Sendable {
    // On the heap because the kernel knows it by its address.
    private let address = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)

    init(_ value: UInt32) {
        address.initialize(to: Atomic(value))
    }

    deinit {
        address.deinitialize(count: 1)
        address.deallocate()
    }

    var value: UInt32 { address.pointee.load(ordering: .acquiring) }

    /// Sets a value, and returns the one before.
    func exchange(_ value: UInt32) -> UInt32 { address.pointee.exchange(value, ordering: .acquiringAndReleasing) }

    /// Sets a value if the word has another; returns what it had.
    func change(_ expected: UInt32, to value: UInt32) -> UInt32 {
        address.pointee.compareExchange(expected: expected, desired: value, ordering: .acquiringAndReleasing).original
    }

    /// Sleeps until the word has its last value, or the time has come; `nil` waits as long as it takes. Meanwhile it says `awaited`
    /// instead of `unawaited`.
    func wait(for last: UInt32, from unawaited: UInt32, by awaited: UInt32, until deadline: Instant?) {
        while change(unawaited, to: awaited) != last {
            if sleep(while: awaited, until: deadline) { return }
        }
    }

    /// Sleeps until the word is awoken, or the time has come; `nil` waits as long as it takes. Returns at once if the word has another
    /// value, and now and then without a cause: look at the value again.
    ///
    /// - Returns: whether the time has come.
    private func sleep(while value: UInt32, until deadline: Instant?) -> Bool {
        guard let deadline else { return Self.timeHasCome(nb_server_futex_wait(address, value, nil)) }
        var time = deadline.inCTerms
        return Self.timeHasCome(nb_server_futex_wait(address, value, &time))
    }

    private static func timeHasCome(_ result: Int32) -> Bool {
        guard result == -1 else { return false }
        let error = errno
        // The thread sanitizer runs a signal's handler in the next call that it knows. A loop of atomics and futexes has none.
        if error == EINTR { usleep(0) }
        return error == ETIMEDOUT
    }

    /// Wakes every thread that sleeps.
    func wake() {
        _ = nb_server_futex_wake(address)
    }
}
