internal import NBEngine
internal import NBLibc
internal import Synchronization

/// A word that threads sleep on while it has a value. Any thread. `futex(2)`.
///
/// Part of a ``PendingCall``.
struct Futex: ~Copyable, Sendable {
    // Where it is for good: an atomic in a class does not move.
    private let word: Atomic<UInt32>

    init(_ value: UInt32) {
        word = Atomic(value)
    }

    var value: UInt32 { word.load(ordering: .acquiring) }

    /// Sets a value, and returns the one before.
    func exchange(_ value: UInt32) -> UInt32 { word.exchange(value, ordering: .acquiringAndReleasing) }

    /// Sets a value if the word has another; returns what it had.
    func change(_ expected: UInt32, to value: UInt32) -> UInt32 {
        word.compareExchange(expected: expected, desired: value, ordering: .acquiringAndReleasing).original
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
        guard let deadline else {
            return withAddress { nb_server_futex_wait($0, value, nil) } == -1 && errno == ETIMEDOUT
        }
        var time = deadline.inCTerms
        return withAddress { nb_server_futex_wait($0, value, &time) } == -1 && errno == ETIMEDOUT
    }

    /// Wakes every thread that sleeps.
    func wake() {
        _ = withAddress { nb_server_futex_wake($0) }
    }

    /// The kernel knows the word by its address.
    private func withAddress(_ body: (UnsafeMutableRawPointer) -> Int32) -> Int32 {
        withUnsafePointer(to: word) { body(UnsafeMutableRawPointer(mutating: $0)) }
    }
}
