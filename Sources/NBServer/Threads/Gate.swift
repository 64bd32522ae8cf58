internal import NBEngine
internal import NBLibc

/// A door that opens once: threads wait in front of it until then. Any thread may wait or open.
final class Gate: @unchecked Sendable {
    // On the heap because neither may move once it has been used.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
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
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func open() {
        pthread_mutex_lock(mutex)
        isOpen = true
        pthread_mutex_unlock(mutex)
        // Not before: whoever wakes up would find the mutex locked, and wait once more.
        pthread_cond_broadcast(condition)
    }

    func wait() {
        wait(until: nil)
    }

    /// Waits until the door is open or the time has come; `nil` waits as long as it takes.
    func wait(until deadline: Instant?) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard let deadline else {
            while !isOpen { pthread_cond_wait(condition, mutex) }
            return
        }
        var time = deadline.inCTerms
        while !isOpen, pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT {}
    }
}
