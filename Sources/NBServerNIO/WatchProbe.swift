#if NIO
internal import NBLibc

/// Tells whether the system lets a descriptor be watched. SwiftNIO ends the process if `epoll_ctl(2)` refuses a descriptor, as with `ENOSPC`
/// when a user watches as many as `/proc/sys/fs/epoll/max_user_watches` allows, `epoll(7)`; so a descriptor is watched here first, and let go.
///
/// Two system calls a connection, and only where the limit is near: see ``ifWatchesAreScarce``. Between its look and NIO's, another process of
/// the same user may take the last place. Loops' threads.
final class WatchProbe: Sendable {
    private let watch: @Sendable (Int32) -> Int32

    /// - Parameter watch: watches a descriptor and lets it go; returns the error number, or 0.
    init(watch: @escaping @Sendable (Int32) -> Int32) {
        self.watch = watch
    }

    /// The number of the error that watching a descriptor ends with, or 0.
    func error(for descriptor: Int32) -> Int32 { watch(descriptor) }

    /// Whether there is room to watch it.
    func canWatch(_ descriptor: Int32) -> Bool {
        let error = error(for: descriptor)
        // Any other error is the channel's own affair.
        return error != ENOSPC && error != ENOMEM
    }

    /// A probe, if all descriptors that this process may open would take more than half of what its user may watch. `nil` otherwise, and if
    /// the system does not say, or gives no descriptor for it.
    static var ifWatchesAreScarce: WatchProbe? {
        var limit = rlimit()
        guard let watches = maximumWatches, getrlimit(descriptorLimit, &limit) == 0 else { return nil }
        return watches / 2 < UInt64(limit.rlim_cur) ? ofKernel : nil
    }

    /// A probe that asks the kernel.
    static var ofKernel: WatchProbe? {
        guard let poll = Poll() else { return nil }
        return WatchProbe { poll.watch($0) }
    }

    private static var maximumWatches: UInt64? {
        let file = open("/proc/sys/fs/epoll/max_user_watches", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { NBLibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = read(file, &bytes, bytes.count)
        let digits = bytes.prefix(max(0, count)).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return UInt64(String(decoding: digits, as: UTF8.self))
    }

    /// Owns an epoll descriptor.
    private final class Poll: Sendable {
        private let descriptor: Int32

        init?() {
            descriptor = epoll_create1(closeOnExec)
            guard descriptor >= 0 else { return nil }
        }

        deinit { NBLibc.close(descriptor) }

        func watch(_ other: Int32) -> Int32 {
            var event = epoll_event()
            let error = errorNumber(epoll_ctl(descriptor, EPOLL_CTL_ADD, other, &event))
            if error == 0 { epoll_ctl(descriptor, EPOLL_CTL_DEL, other, &event) }
            return error
        }
    }
}
#endif
