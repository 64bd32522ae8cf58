import Foundation

/// A line on a terminal's standard error that each new one replaces.
enum ProgressLine {
    private static let isWanted = isatty(STDERR_FILENO) == 1
    private static let eraseLine = "\r\u{1B}[K"

    static func show(_ text: String) {
        if isWanted { write(eraseLine + text, to: STDERR_FILENO) }
    }

    static func clear() {
        show("")
    }
}

func write(_ text: String, to file: Int32) {
    FileHandle(fileDescriptor: file).write(Data(text.utf8))
}
