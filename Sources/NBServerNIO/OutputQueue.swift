#if NIO
internal import NBServer

/// What initializers have made, on its way from the loops to the one task that hands it out. Nothing is dropped: not by a cancellation, nor
/// after the end.
///
/// Loops append; one task takes.
final class OutputQueue<Output: Sendable>: Sendable {
    private struct State {
        var outputs: [Output] = []
        var waiter: UnsafeContinuation<Void, Never>?
        /// What handles an output that comes after the end.
        var lateHandler: (@Sendable (Output) async -> Void)?
    }

    private let state = Lock(State())

    func append(_ output: Output) {
        let (waiter, lateHandler) = state.withLock { state in
            if state.lateHandler == nil { state.outputs.append(output) }
            defer { state.waiter = nil }
            return (state.waiter, state.lateHandler)
        }
        waiter?.resume()
        if let lateHandler { Task { await lateHandler(output) } }
    }

    /// Nothing more is awaited; what comes all the same has a task of its own.
    func finish(_ lateHandler: @escaping @Sendable (Output) async -> Void) {
        let waiter = state.withLock { state in
            state.lateHandler = lateHandler
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next one; `nil` after the end. A cancelled task waits too.
    func next() async -> Output? {
        while true {
            let (output, isOver) = state.withLock { state in
                (state.outputs.isEmpty ? nil : state.outputs.removeFirst(), state.lateHandler != nil)
            }
            if let output { return output }
            if isOver { return nil }
            await withUnsafeContinuation { continuation in
                let isNews = state.withLock { state in
                    guard state.outputs.isEmpty, state.lateHandler == nil else { return true }
                    state.waiter = continuation
                    return false
                }
                if isNews { continuation.resume() }
            }
        }
    }
}
#endif
