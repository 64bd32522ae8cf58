internal import NBEngine
internal import NBLibc

/// The read that wakes the loop: of an eventfd to which other threads and signal handlers write.
///
/// Part of the loop; loop's thread only.
///
/// ```
///  idle ── arm ──▶ armed ── completed ──▶ idle
/// ```
struct WakeUpRead: ~Copyable {
    private(set) var isArmed = false
    /// What the kernel reads into.
    private let count: UnsafeMutablePointer<UInt64>

    /// What a completion of the read means.
    enum Meaning {
        case woken
        /// The kernel is short of memory, or will not read for another reason that passes.
        case refused
        /// The descriptor is gone.
        case lost
    }

    init() {
        count = .allocate(capacity: 1)
        count.initialize(to: 0)
    }

    deinit {
        if isArmed { keepForKernel(count) } else { count.deallocate() }
    }

    mutating func arm(_ descriptor: Int32, on engine: inout some Engine & ~Copyable) {
        let size = UInt32(MemoryLayout<UInt64>.size)
        let read = Operation.read(descriptor: descriptor, into: Operation.Memory(count), count: size)
        engine.submit(read, token: Token(.wakeUp, slot: 0))
        isArmed = true
    }

    /// The read's own completion tells when it is over.
    func cancel(_ descriptor: Int32, on engine: inout some Engine & ~Copyable) {
        guard isArmed else { return }
        let cancel = Operation.cancel(Token(.wakeUp, slot: 0), descriptor: descriptor)
        engine.submit(cancel, token: Token(.cancel, slot: 0), silently: true)
    }

    mutating func completed(_ result: Int32) -> Meaning {
        isArmed = false
        return switch result {
        case Int32(MemoryLayout<UInt64>.size), -EINTR, -ECANCELED: .woken
        case -EBADF, -EINVAL: .lost
        default: .refused
        }
    }
}
