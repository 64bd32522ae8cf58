import Testing

/// An expectation that tells both values: of one that fails in an exit test, only the comment reaches the parent.
func expect<Value: Equatable>(
    _ value: Value,
    is expected: Value,
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if value != expected {
        Issue.record("\(what): \(value) instead of \(expected)", sourceLocation: sourceLocation)
    }
}

/// The same for a condition on some values.
func expect(
    _ isTrue: Bool,
    _ what: @autoclosure () -> String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if !isTrue { Issue.record("\(what())", sourceLocation: sourceLocation) }
}
