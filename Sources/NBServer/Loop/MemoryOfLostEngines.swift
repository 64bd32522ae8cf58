/// Memory that the kernel may still use, for operations a lost engine left behind: kept for good, where leak checkers see it.
/// Any thread.
private let memoryOfLostEngines = Lock<[UInt]>([])

/// Keeps what a lost engine may still write to.
func keepForKernel(_ memory: UnsafeMutablePointer<UInt64>) {
    memoryOfLostEngines.withLock { $0.append(UInt(bitPattern: memory)) }
}

/// Keeps the connections whose bytes a lost engine may still read, and nothing else.
func keepForKernel(_ connections: UnsafeMutablePointer<ConnectionTable>) {
    connections.pointee.outliveReferences()
    memoryOfLostEngines.withLock { $0.append(UInt(bitPattern: connections)) }
}
