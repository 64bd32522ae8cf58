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
            end.settle(.success(()))
        } catch {
            end.settle(.failure(error))
        }
    }
    try end.wait()
}

/// How a task has ended; a thread waits for it.
private final class TaskEnd: Sendable {
    private let result = Mutex<Result<Void, any Error>>(.success(()))
    private let isSettled = DispatchSemaphore(value: 0)

    func settle(_ result: Result<Void, any Error>) {
        self.result.withLock { $0 = result }
        isSettled.signal()
    }

    func wait() throws {
        isSettled.wait()
        try result.withLock { $0 }.get()
    }
}
