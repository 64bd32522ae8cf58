// Durations as engines and the loop count them. Values; any thread.
extension Duration {
    /// The duration in whole nanoseconds: below zero it is zero, and beyond what can be counted the highest count.
    @inlinable
    public var wholeNanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let nanoseconds = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        let sum = nanoseconds.partialValue.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000))
        return nanoseconds.overflow || sum.overflow ? .max : sum.partialValue
    }
}
