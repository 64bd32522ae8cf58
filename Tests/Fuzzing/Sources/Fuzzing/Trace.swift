internal import Glibc

/// What happened, told step by step while one input is replayed. Unbuffered, because the next step may be the last.
package enum Trace {
    private static let isOn = getenv("FUZZ_TRACE") != nil

    package static func write(_ text: @autoclosure () -> String) {
        guard isOn else { return }
        var text = text()
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
