import Glibc

/// What one of several threads waits for until another passes it on: so one runs at a time, and each sees what the one before has done.
final class Baton: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() {
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func pass() {
        sem_post(semaphore)
    }

    func wait() {
        // Other tests of this process send signals.
        while sem_wait(semaphore) != 0 {}
    }
}
