internal import Glibc

/// Writes all of a text at once, past the standard library's buffer. A reader that has left is no failure.
package func writeText(_ text: String, to file: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        guard count >= 0 || errno == EINTR else { return }
        bytes = bytes.dropFirst(max(0, count))
    }
}
