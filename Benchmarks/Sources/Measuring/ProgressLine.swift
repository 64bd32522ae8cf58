internal import Glibc

/// A line on a terminal's standard error that each new one replaces: what is being done and, where the work has a total, how much
/// of it is done and how long the rest will take.
///
/// Safe: one thread uses it.
package final class ProgressLine: @unchecked Sendable {
    private static let eraseLine = "\r\u{1B}[K"
    private static let barWidth = 24

    private let isWanted: Bool
    /// In the unit of `done`.
    private let total: Double?
    private let begin = ContinuousClock.now

    /// How much of the work is done, in the unit of the total.
    package var done = 0.0

    /// - Parameters:
    ///   - total: how much work there is, more than nothing; nil if that is not known.
    ///   - isWanted: whether to show anything, if standard error is a terminal.
    package init(total: Double? = nil, isWanted: Bool = true) {
        self.total = total
        self.isWanted = isWanted && isatty(STDERR_FILENO) == 1
    }

    package func show(_ text: String) {
        guard isWanted else { return }
        let spent = (ContinuousClock.now - begin) / Duration.seconds(1)
        writeText(Self.eraseLine + line(text, spent: spent, width: Self.terminalWidth), to: STDERR_FILENO)
    }

    package func clear() {
        if isWanted { writeText(Self.eraseLine, to: STDERR_FILENO) }
    }

    /// What is shown after `spent` seconds on a terminal of so many columns. It leaves the last one free: a longer line would not be
    /// erased whole.
    func line(_ text: String, spent: Double, width: Int) -> String {
        guard let total else { return String(text.prefix(width - 1)) }
        let fraction = min(1, done / total)
        let full = Int(fraction * Double(Self.barWidth))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: Self.barWidth - full)
        let line = "\(bar) \(Int(100 * fraction)) % \(text)\(Self.remaining(fraction, spent))"
        return String(line.prefix(width - 1))
    }

    private static func remaining(_ fraction: Double, _ spent: Double) -> String {
        guard fraction > 0.02 else { return "" }
        let left = Int(spent / fraction - spent)
        return left >= 60 ? ", \(left / 60) min \(left % 60) s left" : ", \(left) s left"
    }

    private static var terminalWidth: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
