// The descriptors of this process, by what they lead to. Exact only where no other test runs: in an exit test. Even
// there the runtime opens and closes some of its own (epoll, eventfd, timerfd), so nothing here counts them all.

import Glibc

enum OpenDescriptors {
    /// How many lead to something whose `/proc/self/fd` link reads so.
    static func count(of link: String) -> Int {
        all().count { target($0) == link }
    }

    /// How many lead to the same event counter as this one; exact beside other tests, too.
    static func count(ofEventBehind descriptor: Int32) -> Int {
        guard let identity = eventIdentity(descriptor) else { return 0 }
        return all().count { eventIdentity($0) == identity }
    }

    static func all() -> [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var numbers: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let number = Int32(name), number != dirfd(directory) { numbers.append(number) }
        }
        return numbers
    }

    /// Makes the runtime open now what its timers want, lest it does so, or fails to, while there is no room.
    static func settleRuntime() async throws {
        try await Task.sleep(for: .nanoseconds(1))
    }

    /// Leaves the process no room for any new descriptor while `body` runs.
    static func withoutRoom<Result>(_ body: () throws -> Result) throws -> Result {
        try with(softLimit: 0, body)
    }

    /// Leaves the process room for about `count` more descriptors while `body` runs: the runtime may come and go.
    static func withLittleRoom<Result>(_ count: Int, _ body: () throws -> Result) throws -> Result {
        // Every number below the new limit is taken, but for the last few.
        let highest = all().max() ?? 2
        var fillers = Descriptors()
        repeat {
            fillers.adopt([try check("dup", dup(0))])
        } while fillers.all.last ?? 0 <= highest
        return try with(softLimit: rlim_t((fillers.all.last ?? 0) + 1) + rlim_t(count), body)
    }

    private static func with<Result>(softLimit: rlim_t, _ body: () throws -> Result) throws -> Result {
        let before = try setSoftLimit(softLimit)
        defer { _ = try? setSoftLimit(before) }
        return try body()
    }

    private static func setSoftLimit(_ soft: rlim_t) throws -> rlim_t {
        var limit = rlimit()
        try check("getrlimit", getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        let before = limit.rlim_cur
        limit.rlim_cur = soft
        try check("setrlimit", setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        return before
    }

    /// The line of `/proc/self/fdinfo` that tells one event counter from another.
    private static func eventIdentity(_ descriptor: Int32) -> String? {
        guard let file = fopen("/proc/self/fdinfo/\(descriptor)", "re") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.hasPrefix("eventfd-id:") { return text }
        }
        return nil
    }

    private static func target(_ descriptor: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
