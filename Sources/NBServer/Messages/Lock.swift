internal import Glibc

/// A value that one thread at a time may use: a `Mutex` for what many threads contend for.
///
/// On Linux, the library's `Mutex` is handed from thread to thread in the order in which they asked (`FUTEX_LOCK_PI`). Threads
/// that want it again and again then take turns at every use, and each turn is two system calls and a change of threads: eight
/// of them get fewer than 30,000 messages a second into a mailbox. This lock is whoever's comes by when it is free.
struct Lock<Value>: ~Copyable, @unchecked Sendable {
    // On the heap because a mutex may not move once it has been used.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    init(_ value: consuming sending Value) {
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

    func withLock<Result: ~Copyable, Failure>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }
}
