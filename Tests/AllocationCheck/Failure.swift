internal import Glibc

/// Why nothing could be measured, or what was measured is not to be believed.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    /// A system call has failed, for the reason in `errno`.
    init(call: String) {
        let reason = errno
        description = "\(call): \(String(cString: strerror(reason)))"
    }
}
