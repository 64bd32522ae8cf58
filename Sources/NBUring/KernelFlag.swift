/// Flags of the kernel that older headers than its own do not have, as numbers: a constant of the same name would clash with the
/// newer ones. `io_uring_enter(2)`, `io_uring_setup(2)`.
enum KernelFlag {
    /// `IORING_ENTER_NO_IOWAIT`, Linux 6.15.
    static let enterWithoutIOWait: UInt32 = 1 << 7
    /// `IORING_FEAT_NO_IOWAIT`, Linux 6.15.
    static let waitsOutsideIOWait: UInt32 = 1 << 17
}
