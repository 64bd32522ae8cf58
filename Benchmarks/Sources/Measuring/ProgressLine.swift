import Foundation

/// A line on a terminal's standard error that each new one replaces.
package enum ProgressLine {
    private static let isWanted = isatty(STDERR_FILENO) == 1
    private static let eraseLine = "\r\u{1B}[K"

    package static func show(_ text: String) {
        if isWanted { write(eraseLine + text, to: STDERR_FILENO) }
    }

    package static func clear() {
        show("")
    }
}

package func write(_ text: String, to file: Int32) {
    FileHandle(fileDescriptor: file).write(Data(text.utf8))
}
