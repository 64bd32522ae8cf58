internal import NBLibc
internal import Synchronization

/// Which loops hear of which signals, in this process.
///
/// Signals belong to the process, so the registry is global. It uses a handler instead of a blocked mask and a descriptor, because every
/// thread and every process that a callback starts would inherit a mask. The handler only reads a fixed row of entries, each of which
/// names loops and their signals. The loops of a group share an entry, so that no signal reaches a part of them. The previous handlers are
/// restored when no loop watches any more.
final class SignalRegistry: Sendable {
    static let shared = SignalRegistry()
    private static let count = 1024

    private struct Entry: ~Copyable {
        /// The address of a ``Row``, or 0.
        let row = Atomic<UInt>(0)
        /// A bit for each signal. The loops hear of signals from when this is set.
        let signals = Atomic<UInt64>(0)
    }

    /// How many controls of loops there are, and then their addresses, each retained once.
    private typealias Row = UnsafeMutablePointer<UInt>

    private struct Watch {
        var entries: Int
        let before: sigaction
    }

    // Never freed: a handler may be running in another thread.
    nonisolated(unsafe) private let entries: UnsafeMutablePointer<Entry>
    private let handlersRunning = Atomic<Int>(0)
    private let watches = Lock<[Signal: Watch]>([:])

    private init() {
        entries = .allocate(capacity: Self.count)
        for index in 0..<Self.count { (entries + index).initialize(to: Entry()) }
    }

    /// Takes a free entry, and sees to it that its signals are handled.
    func register(_ controls: [LoopControl], _ signals: [Signal]) throws(ServerError) -> Int {
        let row = Self.makeRow(of: controls)
        let address = UInt(bitPattern: row)
        for entry in 0..<Self.count
        where entries[entry].row.compareExchange(expected: 0, desired: address, ordering: .sequentiallyConsistent)
            .exchanged
        {
            try fill(entry, signals)
            return entry
        }
        Self.release(row)
        throw ServerError(
            .signals,
            operation: "watch signals",
            cure: "at most \(Self.count) servers of a process can wait for signals at once"
        )
    }

    private static func makeRow(of controls: [LoopControl]) -> Row {
        let row = Row.allocate(capacity: controls.count + 1)
        row.initialize(to: UInt(controls.count))
        for (index, control) in controls.enumerated() {
            (row + index + 1).initialize(to: UInt(bitPattern: Unmanaged.passRetained(control).toOpaque()))
        }
        return row
    }

    private static func release(_ row: Row) {
        for index in 1..<Int(row[0]) + 1 {
            guard let control = UnsafeRawPointer(bitPattern: row[index]) else { continue }
            Unmanaged<LoopControl>.fromOpaque(control).release()
        }
        row.deallocate()
    }

    private func fill(_ entry: Int, _ signals: [Signal]) throws(ServerError) {
        // Before the first handler: from then on no signal finds an empty entry.
        let mask = signals.reduce(0 as UInt64) { $0 | $1.bit }
        entries[entry].signals.store(mask, ordering: .sequentiallyConsistent)
        var watched: [Signal] = []
        for signal in signals {
            guard let errno = watch(signal) else {
                watched.append(signal)
                continue
            }
            unregister(entry, watched)
            throw ServerError(
                .signals,
                operation: "sigaction",
                errno: errno,
                cure: "signal \(signal) cannot be handled; use others, such as .interrupt and .terminate"
            )
        }
    }

    /// Gives an entry back. Afterwards no handler uses its loops' controls any more.
    func unregister(_ entry: Int, _ signals: [Signal]) {
        entries[entry].signals.store(0, ordering: .sequentiallyConsistent)
        for signal in signals { unwatch(signal) }
        waitForHandlers()
        let address = entries[entry].row.exchange(0, ordering: .sequentiallyConsistent)
        if let row = Row(bitPattern: address) { Self.release(row) }
    }

    /// Waits until no handler runs that may have seen what was there before. A handler takes nanoseconds.
    func waitForHandlers() {
        while handlersRunning.load(ordering: .sequentiallyConsistent) > 0 { sched_yield() }
    }

    /// Returns the error number if the signal cannot be handled.
    private func watch(_ signal: Signal) -> Int32? {
        watches.withLock { watches in
            if watches[signal] != nil {
                watches[signal]?.entries += 1
                return nil
            }
            guard (1..<64).contains(signal.rawValue) else { return EINVAL }
            var action = sigaction(calling: { SignalRegistry.shared.handle($0) })
            // On the alternate stack of a thread that has one: its usual stack may be too small, as a goroutine's is.
            action.sa_flags = SA_RESTART | SA_ONSTACK
            var before = sigaction()
            let error = errorNumber(sigaction(signal.rawValue, &action, &before))
            guard error == 0 else { return error }
            watches[signal] = Watch(entries: 1, before: before)
            return nil
        }
    }

    private func unwatch(_ signal: Signal) {
        watches.withLock { watches in
            guard let watch = watches[signal] else { return }
            watches[signal]?.entries -= 1
            guard watch.entries == 1 else { return }
            var before = watch.before
            sigaction(signal.rawValue, &before, nil)
            watches[signal] = nil
        }
    }

    /// The handler: any thread, at any moment; nothing but atomics of numbers and a write. Even a range to go through would be a type that the
    /// runtime looks up under a lock, in a debug build, and the interrupted thread may hold that lock.
    private func handle(_ signal: Int32) {
        handlersRunning.add(1, ordering: .sequentiallyConsistent)
        let signal = Signal(rawValue: signal)
        var entry = -1
        while entry + 1 < Self.count {
            entry += 1
            guard entries[entry].signals.load(ordering: .sequentiallyConsistent) & signal.bit != 0,
                let row = Row(bitPattern: entries[entry].row.load(ordering: .sequentiallyConsistent))
            else { continue }
            Self.tell(signal, row)
        }
        handlersRunning.subtract(1, ordering: .sequentiallyConsistent)
    }

    private static func tell(_ signal: Signal, _ row: Row) {
        var left = row[0]
        while left > 0 {
            if let control = UnsafeRawPointer(bitPattern: row[Int(bitPattern: left)]) {
                Unmanaged<LoopControl>.fromOpaque(control)._withUnsafeGuaranteedRef { $0.arrived(signal) }
            }
            left -= 1
        }
    }
}
