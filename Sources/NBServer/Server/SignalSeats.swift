internal import NBLibc
internal import Synchronization

/// Who is to hear of which signal, in this process.
///
/// Signals belong to the process, so this is global. A handler is used instead of a blocked mask and a descriptor,
/// because a mask is inherited by every thread and every process that a callback starts. The handler only reads: a fixed
/// row of seats, each of which names a loop and its signals. The handlers that were there before are put back when
/// nobody watches any more.
final class SignalSeats: Sendable {
    static let shared = SignalSeats()
    private static let count = 16

    private struct Seat: ~Copyable {
        /// The address of the loop's control, or 0.
        let control = Atomic<UInt>(0)
        /// A bit for each signal.
        let signals = Atomic<UInt64>(0)
    }

    private struct Watch {
        var seats: Int
        let before: sigaction
    }

    // Never freed: a handler may be running in another thread.
    nonisolated(unsafe) private let seats: UnsafeMutablePointer<Seat>
    private let handlersRunning = Atomic<Int>(0)
    private let watches = Lock<[Signal: Watch]>([:])

    private init() {
        seats = .allocate(capacity: Self.count)
        for index in 0..<Self.count { (seats + index).initialize(to: Seat()) }
    }

    /// Takes a free seat and sees to it that its signals are handled.
    func take(_ control: LoopControl, _ signals: [Signal]) throws(ServerError) -> Int {
        let address = UInt(bitPattern: Unmanaged.passRetained(control).toOpaque())
        for seat in 0..<Self.count
        where seats[seat].control.compareExchange(expected: 0, desired: address, ordering: .sequentiallyConsistent)
            .exchanged
        {
            try fill(seat, signals)
            return seat
        }
        Unmanaged.passUnretained(control).release()
        throw ServerError(
            .signals,
            operation: "watch signals",
            cure: "at most \(Self.count) servers of a process can wait for signals at once"
        )
    }

    private func fill(_ seat: Int, _ signals: [Signal]) throws(ServerError) {
        // Before the first handler: from then on no signal finds an empty seat.
        let mask = signals.reduce(0 as UInt64) { $0 | $1.bit }
        seats[seat].signals.store(mask, ordering: .sequentiallyConsistent)
        var watched: [Signal] = []
        for signal in signals {
            guard let errno = watch(signal) else {
                watched.append(signal)
                continue
            }
            give(seat, watched)
            throw ServerError(
                .signals,
                operation: "sigaction",
                errno: errno,
                cure: "signal \(signal) cannot be handled; use others, such as .interrupt and .terminate"
            )
        }
    }

    /// Gives a seat back. Afterwards no handler uses its control any more.
    func give(_ seat: Int, _ signals: [Signal]) {
        seats[seat].signals.store(0, ordering: .sequentiallyConsistent)
        for signal in signals { unwatch(signal) }
        // A handler takes nanoseconds.
        while handlersRunning.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
        let address = seats[seat].control.exchange(0, ordering: .sequentiallyConsistent)
        guard let control = UnsafeRawPointer(bitPattern: address) else { return }
        Unmanaged<LoopControl>.fromOpaque(control).release()
    }

    /// Returns the error number if the signal cannot be handled.
    private func watch(_ signal: Signal) -> Int32? {
        watches.withLock { watches in
            if watches[signal] != nil {
                watches[signal]?.seats += 1
                return nil
            }
            guard (1..<64).contains(signal.rawValue) else { return EINVAL }
            var action = sigaction(calling: { SignalSeats.shared.handle($0) })
            // On the alternate stack of a thread that has one: its usual stack may be too small, as a goroutine's is.
            action.sa_flags = SA_RESTART | SA_ONSTACK
            var before = sigaction()
            let error = errorNumber(sigaction(signal.rawValue, &action, &before))
            guard error == 0 else { return error }
            watches[signal] = Watch(seats: 1, before: before)
            return nil
        }
    }

    private func unwatch(_ signal: Signal) {
        watches.withLock { watches in
            guard let watch = watches[signal] else { return }
            watches[signal]?.seats -= 1
            guard watch.seats == 1 else { return }
            var before = watch.before
            sigaction(signal.rawValue, &before, nil)
            watches[signal] = nil
        }
    }

    /// The handler: any thread, at any moment; nothing but atomics and a write.
    private func handle(_ signal: Int32) {
        handlersRunning.add(1, ordering: .sequentiallyConsistent)
        let signal = Signal(rawValue: signal)
        for seat in 0..<Self.count {
            guard seats[seat].signals.load(ordering: .sequentiallyConsistent) & signal.bit != 0,
                let control = UnsafeRawPointer(bitPattern: seats[seat].control.load(ordering: .sequentiallyConsistent))
            else { continue }
            Unmanaged<LoopControl>.fromOpaque(control)._withUnsafeGuaranteedRef { $0.arrived(signal) }
        }
        handlersRunning.subtract(1, ordering: .sequentiallyConsistent)
    }
}
