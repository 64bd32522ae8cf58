import Dispatch
import Glibc
import Measuring
import Synchronization

/// Runs `body` in a task, and blocks the thread until it has ended.
func inTask(_ body: @escaping @Sendable () async throws -> Void) throws {
    let end = TaskEnd()
    Task.detached {
        do {
            try await body()
            end.resolve(.success(()))
        } catch {
            end.resolve(.failure(error))
        }
    }
    try end.wait()
}

/// How a task has ended; a thread waits for it.
private final class TaskEnd: Sendable {
    private let result = Mutex<Result<Void, any Error>>(.success(()))
    private let isResolved = DispatchSemaphore(value: 0)

    func resolve(_ result: Result<Void, any Error>) {
        self.result.withLock { $0 = result }
        isResolved.signal()
    }

    func wait() throws {
        isResolved.wait()
        try result.withLock { $0 }.get()
    }
}
