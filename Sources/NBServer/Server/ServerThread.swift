internal import LinuxLibc

/// Runs `body` on a new thread, which ends with it.
func startThread(_ body: @escaping @Sendable () -> Void) throws(ServerError) {
    final class Body: Sendable {
        let call: @Sendable () -> Void
        init(_ call: @escaping @Sendable () -> Void) { self.call = call }
    }
    let body = Unmanaged.passRetained(Body(body))
    var thread = noThread
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    defer { pthread_attr_destroy(&attributes) }
    let result = pthread_create(
        &thread,
        &attributes,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().call()
            return nil
        },
        body.toOpaque()
    )
    guard result == 0 else {
        body.release()
        throw ServerError(
            .thread,
            operation: "pthread_create",
            errno: result,
            cure: "the process may have no more threads"
        )
    }
}
