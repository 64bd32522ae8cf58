import Glibc
import Measuring

/// What the system allows one batch of connections to be.
package enum SystemLimits {
    /// What a process holds besides its connections, generously.
    private static let otherDescriptors = 64

    /// Fails unless `count` connections can be held at once, by this process and by the servers it starts.
    package static func admit(connections count: Int) throws {
        try raiseDescriptorLimit(connections: count)
        let backlog = Int(try textOfFile("/proc/sys/net/core/somaxconn").filter(\.isNumber)) ?? 0
        guard count <= backlog else {
            throw Failure("\(count) connections cannot queue at once: net.core.somaxconn is \(backlog)")
        }
    }

    /// Fails unless this process can hold `count` connections. Raises the soft limit on descriptors to the hard one.
    /// Children inherit it.
    package static func raiseDescriptorLimit(connections count: Int) throws {
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(descriptors, &limit) == 0 else { throw Failure(call: "getrlimit") }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(descriptors, &limit) == 0 else { throw Failure(call: "setrlimit") }
        guard count + otherDescriptors <= limit.rlim_cur else {
            throw Failure(
                """
                too few descriptors: \(count) connections need \(count + otherDescriptors), \
                and the hard limit (ulimit -Hn) is \(limit.rlim_cur)
                """
            )
        }
    }
}
