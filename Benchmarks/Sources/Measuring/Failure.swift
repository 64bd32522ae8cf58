internal import Glibc

/// Why a run was given up, in words for the user who started it.
package struct Failure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// A system call has failed, and `errno` says why.
    package init(call: String) {
        // What a socket with a time limit says when it runs out: the first while reading, the second in `connect`.
        let isTimeout = errno == EAGAIN || errno == EINPROGRESS
        description = "\(call): \(isTimeout ? "no answer in time" : String(cString: strerror(errno)))"
    }
}
