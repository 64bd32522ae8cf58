extension [Double] {
    /// Between two elements, on the straight line from one to the other. Not a number if there are none.
    package func quantile(_ fraction: Double) -> Double {
        guard !isEmpty else { return .nan }
        let sorted = sorted()
        let position = fraction * Double(count - 1)
        let below = sorted[Int(position)]
        let above = sorted[Swift.min(Int(position) + 1, count - 1)]
        return below + (above - below) * position.truncatingRemainder(dividingBy: 1)
    }

    package var median: Double { quantile(0.5) }
}
