/// Why an engine could not be made, or has failed for good.
@frozen
public struct EngineError: Error, Hashable, Sendable {
    /// The system call, or the step, that failed.
    public let operation: String

    /// The error's number, as in `errno(3)`; 0 if the kernel has less than the engine needs.
    public let errno: Int32

    /// What the error usually means, and what to do about it.
    public let advice: String

    /// An error with its cure.
    public init(operation: String, errno: Int32, advice: String) {
        self.operation = operation
        self.errno = errno
        self.advice = advice
    }
}
