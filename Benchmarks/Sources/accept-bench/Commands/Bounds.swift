import ArgumentParser

/// What numbers on the command line may be: far beyond what is of use, and well within what can be calculated with.
enum Bounds {
    static let rounds = 1...1000
    static let seconds = 0.01...3600.0
    static let perSecond = 0.1...10_000_000.0
    static let connections = 1...10_000_000
    static let threads = 1...1024
    static let listeners = 1...65_535
    static let depth = 1...65_536
    /// Microseconds; 0 for no calls.
    static let callInterval = 0...1_000_000

    /// Fails with the option's name and its bounds, if one of its values is beyond them.
    static func check<Number>(_ option: String, _ values: [Number?], _ bounds: ClosedRange<Number>) throws {
        for case let value? in values where !bounds.contains(value) {
            throw ValidationError("\(option) is \(bounds.lowerBound) to \(bounds.upperBound), not \(value)")
        }
    }
}
