// A thread of its own for what must not happen on the test's. Never waits for its thread by itself: join it.

import Glibc

final class HelperThread<Result: Sendable> {
    private let outcome: Outcome
    private var thread = pthread_t()
    private var isJoined = false

    init(_ body: @escaping @Sendable () -> Result) throws {
        let outcome = Outcome()
        self.outcome = outcome
        let work = Unmanaged.passRetained(Work { outcome.result = body() })
        let failure = pthread_create(&thread, nil, runWork, work.toOpaque())
        guard failure == 0 else {
            work.release()
            isJoined = true
            throw SystemCallFailed(call: "pthread_create", errno: failure)
        }
    }

    deinit {
        if !isJoined { pthread_detach(thread) }
    }

    /// Waits for the thread to end and tells what it came to.
    func join() -> Result {
        pthread_join(thread, nil)
        isJoined = true
        // Set as the last thing the thread did.
        return outcome.result!
    }

    /// Written by the thread before it ends, read after it was joined.
    private final class Outcome: @unchecked Sendable {
        var result: Result?
    }
}

private final class Work {
    let run: () -> Void

    init(_ run: @escaping () -> Void) {
        self.run = run
    }
}

private func runWork(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // Always given by the only caller.
    Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().run()
    return nil
}
