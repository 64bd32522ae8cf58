internal import NBLibc

/// Runs `body` on a new thread, which ends with it.
///
/// - Parameters:
///   - name: what `ps -L`, `top -H` and debuggers call the thread; 15 bytes at most.
///   - body: what the thread does.
/// - Throws: ``ServerError`` with ``ServerError/Code/thread``.
func startThread(named name: String = "nb-server", _ body: @escaping @Sendable () -> Void) throws(ServerError) {
    final class Body: Sendable {
        let name: String
        let call: @Sendable () -> Void
        init(_ name: String, _ call: @escaping @Sendable () -> Void) { (self.name, self.call) = (name, call) }
    }
    assert(name.utf8.count <= 15, "the kernel would cut this thread's name short: \(name)")
    let body = Unmanaged.passRetained(Body(name, body))
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
            let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
            // By the thread itself, so that it has its name before it does anything.
            nameThread(body.name)
            body.call()
            return nil
        },
        body.toOpaque()
    )
    guard result == 0 else {
        body.release()
        throw ServerError.noThread(result)
    }
}

/// Names the calling thread; one that cannot be named keeps the process's name. `proc_pid_comm(5)`: Swift does not see
/// `pthread_setname_np(3)`, which the C library shows to GNU sources only.
private func nameThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    var name = name
    name.withUTF8 { _ = write(file, $0.baseAddress, $0.count) }
    close(file)
}
