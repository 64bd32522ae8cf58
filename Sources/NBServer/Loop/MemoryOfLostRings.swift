/// Memory that the kernel may still use, for operations a lost ring left behind: kept for good, where leak checkers see it.
/// Any thread.
private let memoryOfLostRings = Lock<[UInt]>([])

/// Keeps what a loop has lent to a ring that is lost.
func keepForKernel(_ state: UnsafeMutablePointer<LoopState>, _ wakeUpCount: UnsafeMutablePointer<UInt64>) {
    memoryOfLostRings.withLock { $0 += [UInt(bitPattern: state), UInt(bitPattern: wakeUpCount)] }
}
