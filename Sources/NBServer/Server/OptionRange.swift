/// What an option's value must be; one that is not is a ``ServerError`` that names the option, its value and its range.
/// What the error says is put together for the error only: a server looks at options while a connection waits. Values; any thread.
enum OptionRange {
    /// The error for a value that is out of its range.
    static func error(
        _ option: String,
        _ value: some Any,
        _ range: String,
        code: ServerError.Code = .invalidOption
    ) -> ServerError {
        ServerError(code, operation: option, cure: "\(value) is out of range; it must be \(range)")
    }

    /// Refuses a value that is not what `range` says in words.
    static func expect(
        _ isInRange: Bool,
        _ option: @autoclosure () -> String,
        _ value: some Any,
        _ range: @autoclosure () -> String
    ) throws(ServerError) {
        guard isInRange else { throw error(option(), value, range()) }
    }

    /// Refuses a number that is not in a range.
    static func expect(
        _ option: @autoclosure () -> String,
        _ value: Int,
        in range: ClosedRange<Int>
    ) throws(ServerError) {
        guard !range.contains(value) else { return }
        let words =
            range.upperBound == .max ? "\(range.lowerBound) or more" : "from \(range.lowerBound) to \(range.upperBound)"
        throw error(option(), value, words)
    }

    /// Refuses a time below zero.
    static func expect(_ option: @autoclosure () -> String, atLeastZero time: Duration) throws(ServerError) {
        try expect(time >= .zero, option(), time, "zero or longer")
    }
}
