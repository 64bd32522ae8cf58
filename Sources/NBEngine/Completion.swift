/// One completion, copied out of an engine: what an operation came to.
@frozen
public struct Completion: Hashable, Sendable {
    // The layout of the ring's completions (`struct io_uring_cqe`), which are copied by the run.

    /// The token the operation was submitted with.
    public let token: Token

    /// The operation's result as its system call would have it: a count, a descriptor, or a negated `errno`.
    public let result: Int32

    /// Whether more completions follow, and which buffer was filled. The ring's numbers, which the ring asserts.
    public let flags: UInt32

    /// `IORING_CQE_F_MORE`.
    @inlinable
    public static var moreFlag: UInt32 { 1 << 1 }
    /// `IORING_CQE_F_BUFFER`.
    @inlinable
    public static var bufferFlag: UInt32 { 1 << 0 }
    /// `IORING_CQE_BUFFER_SHIFT`.
    @inlinable
    public static var bufferShift: UInt32 { 16 }

    /// A completion, for engines that make up their own.
    @inlinable
    public init(token: Token, result: Int32, isLast: Bool = true) {
        self.token = token
        self.result = result
        flags = isLast ? 0 : Completion.moreFlag
    }

    /// The same for a receive, with the buffer that was filled.
    @inlinable
    public init(token: Token, result: Int32, isLast: Bool = true, buffer: UInt16) {
        self.token = token
        self.result = result
        flags =
            (isLast ? 0 : Completion.moreFlag) | Completion.bufferFlag | UInt32(buffer) << Completion.bufferShift
    }

    /// The buffer that a receive has filled, to be returned: see ``Engine/received(_:)``.
    @inlinable
    public var buffer: UInt16? {
        flags & Completion.bufferFlag == 0 ? nil : UInt16(truncatingIfNeeded: flags >> Completion.bufferShift)
    }

    /// Whether the operation is over. A multishot operation completes many times; only its last completion says so
    /// (`IORING_CQE_F_MORE` is missing), and a last completion may still carry a valid result.
    @inlinable
    public var isLast: Bool { flags & Completion.moreFlag == 0 }
}
