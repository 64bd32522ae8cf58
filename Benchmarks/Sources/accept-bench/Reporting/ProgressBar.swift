import Foundation

/// A line on a terminal's standard error that each new one replaces: how far it is, with what, and how long it will take.
///
/// Used by one thread.
final class ProgressBar: @unchecked Sendable {
    private let isWanted: Bool
    private let total: Int
    private var done = 0
    private let begin = Moment.now()

    private static let eraseLine = "\r\u{1B}[K"
    private static let width = 24

    init(total: Int, isWanted: Bool) {
        self.total = max(1, total)
        self.isWanted = isWanted && isatty(STDERR_FILENO) == 1
    }

    func advance() {
        done += 1
    }

    func show(_ text: String) {
        show(min(1, Double(done) / Double(total)), text)
    }

    func show(_ fraction: Double, _ text: String) {
        guard isWanted else { return }
        let full = Int(fraction * Double(Self.width))
        let bar = String(repeating: "█", count: full) + String(repeating: "░", count: Self.width - full)
        let line = "\(bar) \(Int(100 * fraction)) % \(text)\(remaining(fraction))"
        write(Self.eraseLine + line.prefix(Self.columns - 1))
    }

    func clear() {
        if isWanted { write(Self.eraseLine) }
    }

    /// What fits on a line of the terminal: a longer one would not be erased whole.
    private static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private func remaining(_ fraction: Double) -> String {
        guard fraction > 0.02 else { return "" }
        let spent = Moment.now().since(begin).seconds
        let left = Int(spent / fraction - spent)
        return left >= 60 ? ", \(left / 60) min \(left % 60) s left" : ", \(left) s left"
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
