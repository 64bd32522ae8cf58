internal import Glibc
internal import Measuring

/// A thread that runs one body and is waited for.
final class Worker {
    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) throws {
        let work = Unmanaged.passRetained(Work(body))
        let failure = pthread_create(
            &thread,
            nil,
            { argument in
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            },
            work.toOpaque()
        )
        guard failure == 0 else {
            work.release()
            throw Failure("pthread_create: \(String(cString: strerror(failure)))")
        }
    }

    /// Waits for the end of the thread; to be called once.
    func join() {
        pthread_join(thread, nil)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}
