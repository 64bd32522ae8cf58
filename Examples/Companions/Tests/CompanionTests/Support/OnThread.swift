import Dispatch

/// Has a thread that may block do something. Tasks share few threads, of which a test that blocks keeps one from the others.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
}
