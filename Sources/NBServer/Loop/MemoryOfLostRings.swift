/// Memory that the kernel may still use, for operations a lost ring left behind: kept for good, where leak checkers see it.
/// Any thread.
private let memoryOfLostRings = Lock<[UInt]>([])

/// Keeps what a loop has lent to a ring that is lost: the bytes of its connections and the count of its wake-ups. Nothing that
/// is anybody else's is kept along with them.
func keepForKernel(_ connections: UnsafeMutablePointer<ConnectionTable>, _ wakeUpCount: UnsafeMutablePointer<UInt64>) {
    connections.pointee.outliveItsOwners()
    memoryOfLostRings.withLock { $0 += [UInt(bitPattern: connections), UInt(bitPattern: wakeUpCount)] }
}
