/// Memory that the kernel may still use, for operations a lost ring left behind: kept for good, where leak checkers see it.
/// Any thread.
private let memoryOfLostRings = Lock<[UInt]>([])

/// Keeps what a lost ring may still write to.
func keepForKernel(_ memory: UnsafeMutablePointer<UInt64>) {
    memoryOfLostRings.withLock { $0.append(UInt(bitPattern: memory)) }
}

/// Keeps the connections whose bytes a lost ring may still read. Nothing that is anybody else's is kept along with them.
func keepForKernel(_ connections: UnsafeMutablePointer<ConnectionTable>) {
    connections.pointee.outliveReferences()
    memoryOfLostRings.withLock { $0.append(UInt(bitPattern: connections)) }
}
