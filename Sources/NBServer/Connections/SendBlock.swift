/// A run of bytes on the heap that waits to be sent: this header, then the bytes.
///
/// Owned by one connection's queue or by the pool. It does not move while the kernel may read it.
struct SendBlock {
    var next: UnsafeMutablePointer<SendBlock>?
    /// How many bytes fit.
    let capacity: Int
    /// The first byte not sent yet, and the end of what has been written.
    var start = 0
    var end = 0
}

extension UnsafeMutablePointer<SendBlock> {
    var bytes: UnsafeMutableRawPointer { UnsafeMutableRawPointer(self + 1) }
}
