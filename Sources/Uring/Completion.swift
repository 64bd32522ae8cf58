/// One completion, copied out of the ring: what an operation came to.
public struct Completion: Hashable, Sendable {
    // The kernel's layout (`struct io_uring_cqe`), so that completions are copied by the run.

    /// The token the operation was submitted with.
    public let token: Token

    /// The operation's result as its system call would have it: a count, a descriptor, or a negated `errno`.
    public let result: Int32

    @usableFromInline
    let flags: UInt32

    /// `IORING_CQE_F_MORE`; the ring asserts it.
    @usableFromInline
    static let moreFlag: UInt32 = 1 << 1

    /// A completion, for engines that make up their own.
    @inlinable
    public init(token: Token, result: Int32, isLast: Bool = true) {
        self.token = token
        self.result = result
        flags = isLast ? 0 : Completion.moreFlag
    }

    /// Whether the operation is over. A multishot operation completes many times; only its last completion says so
    /// (`IORING_CQE_F_MORE` is missing), and a last completion may still carry a valid result.
    @inlinable
    public var isLast: Bool { flags & Completion.moreFlag == 0 }
}
