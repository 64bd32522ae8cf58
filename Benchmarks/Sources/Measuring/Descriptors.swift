internal import Glibc

/// How many descriptors a process may have.
package enum Descriptors {
    /// Sets this process's limit.
    package static func limit(to count: Int) throws {
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(kind, &limit) == 0 else { throw Failure(call: "getrlimit") }
        guard limit.rlim_max >= rlim_t(count) else {
            throw Failure("\(count.grouped) descriptors are needed, and at most \(limit.rlim_max) allowed (ulimit -Hn)")
        }
        limit.rlim_cur = rlim_t(count)
        guard setrlimit(kind, &limit) == 0 else { throw Failure(call: "setrlimit") }
    }
}
