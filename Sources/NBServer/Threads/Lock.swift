internal import NBLibc

/// A value that one thread at a time may touch. Any thread; held for a short time, and over no call that may wait for a peer.
///
/// Used instead of Swift's `Mutex`, for two reasons: under contention that is handed over by a system call each time (a PI
/// futex), and takes its lock where the thread sanitizer cannot see it.
package struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    // On the heap because a mutex may not move once it has been used.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ value: consuming sending Value) {
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
    }

    deinit {
        value.deinitialize(count: 1)
        value.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    package borrowing func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
