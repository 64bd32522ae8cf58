internal import Glibc

/// Why the soak cannot go on.
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
