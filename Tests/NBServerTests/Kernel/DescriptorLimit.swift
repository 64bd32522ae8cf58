import Glibc

/// How many descriptors this process may have; open ones stay open when it is lowered.
enum DescriptorLimit {
    /// No descriptor can be opened any more.
    static func lower() {
        set(0)
    }

    static func raise() {
        set(current.rlim_max)
    }

    /// Takes every descriptor that is left, for the caller to close.
    static func fill() -> [Int32] {
        var fillers: [Int32] = []
        while case let filler = dup(STDIN_FILENO), filler >= 0 { fillers.append(filler) }
        return fillers
    }

    private static var current: rlimit {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return limit
    }

    private static func set(_ soft: rlim_t) {
        var limit = current
        limit.rlim_cur = soft
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
