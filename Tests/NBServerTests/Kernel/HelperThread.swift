import Glibc

/// A thread that does one thing, for a test that waits for another meanwhile.
struct HelperThread: ~Copyable {
    private final class Body: Sendable {
        let call: @Sendable () -> Void
        init(_ call: @escaping @Sendable () -> Void) { self.call = call }
    }

    private var thread = pthread_t()

    init(_ body: @escaping @Sendable () -> Void) {
        let argument = Unmanaged.passRetained(Body(body)).toOpaque()
        pthread_create(
            &thread,
            nil,
            { argument in
                // The one passed above.
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().call()
                return nil
            },
            argument
        )
    }

    consuming func join() {
        pthread_join(thread, nil)
    }
}
