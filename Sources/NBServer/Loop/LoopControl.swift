internal import Synchronization
internal import Uring

/// What other threads, and signal handlers, may touch of a running loop: the wish that it stop.
///
/// Shared by the server, its loop and the signal relay.
final class LoopControl: Sendable {
    let wakeUp: EventDescriptor

    /// 0 while the loop is to serve; then a signal's number, or `stopRequested`.
    private let request = Atomic<Int32>(0)

    private static let stopRequested: Int32 = -1

    init() throws(ServerError) {
        do {
            wakeUp = try EventDescriptor()
        } catch {
            throw ServerError(error)
        }
    }

    /// Asks the loop to stop, and wakes it. The first request is the one that counts. Any thread.
    func requestStop() {
        record(Self.stopRequested)
    }

    /// Asks the loop to stop because of a signal. Safe in a signal handler.
    func requestStop(signal: Int32) {
        record(signal)
    }

    private func record(_ value: Int32) {
        if request.compareExchange(expected: 0, desired: value, ordering: .releasing).exchanged { wakeUp.signal() }
    }

    /// Why the loop is to stop, if it is.
    var stopReason: StopReason? {
        switch request.load(ordering: .acquiring) {
        case 0: nil
        case Self.stopRequested: .requested
        case let signal: .signal(Signal(rawValue: signal))
        }
    }
}
