internal import NBEngine
internal import NBLibc

/// A door that opens once: threads wait in front of it until then. Any thread may wait or open.
///
/// A condition of the C library and not a ``Futex``: the thread sanitizer has a thread that sleeps in a system call which it does not know
/// put off signals for ever, and a program's main thread sleeps here while its servers run on others.
final class Gate: @unchecked Sendable {
    // On the heap because neither may move once it has been used.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Under the mutex.
    private var isOpen = false

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func open() {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        isOpen = true
        pthread_cond_broadcast(condition)
    }

    func wait() {
        wait(until: nil)
    }

    /// Waits until the door is open or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !isOpen, sleep(until: deadline) {}
    }

    /// Sleeps until the door is opened, or without a cause; returns whether there is time left.
    private func sleep(until deadline: Instant?) -> Bool {
        guard let deadline else { return pthread_cond_wait(condition, mutex) == 0 }
        var time = deadline.inCTerms
        return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }
}
