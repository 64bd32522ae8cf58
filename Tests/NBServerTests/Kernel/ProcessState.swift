import Glibc

/// What a process has that can leak: descriptors and threads.
///
/// Timers, polls and the threads of tasks are left out: the runtime makes some when it likes to, and the library has none. An event counter that is
/// gone was the runtime's as well; one that has come is a leak.
struct ProcessState {
    /// What the descriptors lead to, as `/proc/self/fd` has it; a socket's link has the socket's own number.
    private let descriptors: [Int32: String]
    /// Threads, those that io_uring makes among them, by number and name.
    private let threads: [Int32: String]

    private static let runtimesOwn: Set = ["anon_inode:[timerfd]", "anon_inode:[eventpoll]"]
    /// In the names of threads that the runtime makes for tasks; the library's have names of their own.
    private static let taskThread = "-qos"
    private static let event = "anon_inode:[eventfd]"

    /// What there is now.
    init() {
        var descriptors: [Int32: String] = [:]
        for number in Self.numbers(in: "/proc/self/fd") {
            // The directory's own descriptor is gone by now.
            guard let link = Self.link("/proc/self/fd/\(number)"), !Self.runtimesOwn.contains(link) else { continue }
            descriptors[number] = link == Self.event ? Self.eventIdentity(number) : link
        }
        self.descriptors = descriptors
        var threads: [Int32: String] = [:]
        for number in Self.numbers(in: "/proc/self/task") {
            let name = Self.lines("/proc/self/task/\(number)/comm").first ?? "?"
            if !name.contains(Self.taskThread) { threads[number] = name }
        }
        self.threads = threads
    }

    /// Threads that io_uring has made for operations that block.
    var workerThreadCount: Int { threads.values.count { $0.hasPrefix("iou-wrk") } }

    /// The state when it has not changed for a moment.
    static func settled() -> ProcessState {
        var state = ProcessState()
        var timesSeen = 0
        _ = waiting { next in
            timesSeen = next.isLike(state) && state.isLike(next) ? timesSeen + 1 : 0
            state = next
            return timesSeen == 5
        }
        return state
    }

    /// The state once `isSettled`, or after a while: threads end, and the kernel lets go of rings, a little late.
    static func waiting(until isSettled: (ProcessState) -> Bool) -> ProcessState {
        var state = ProcessState()
        for _ in 0..<5000 {
            if isSettled(state) { break }
            usleep(1000)
            state = ProcessState()
        }
        return state
    }

    func isLike(_ other: ProcessState) -> Bool {
        difference(from: other).isEmpty
    }

    /// What is there now and was not, or is not any more; nothing in words if all is the same.
    func difference(from other: ProcessState) -> String {
        var parts: [String] = []
        let (now, before) = (Self.counts(descriptors.values), Self.counts(other.descriptors.values))
        for link in Set(now.keys).union(before.keys).sorted() {
            let change = now[link, default: 0] - before[link, default: 0]
            if change < 0, link.hasPrefix(Self.event) { continue }
            if change != 0 { parts.append("\(link) \(change > 0 ? "+" : "")\(change)") }
        }
        for (number, name) in threads.sorted(by: { $0.key < $1.key }) where other.threads[number] == nil {
            parts.append("thread \(number) \(name)")
        }
        return parts.joined(separator: ", ")
    }

    private static func counts(_ links: some Sequence<String>) -> [String: Int] {
        links.reduce(into: [:]) { counts, link in counts[link, default: 0] += 1 }
    }

    private static func numbers(in path: String) -> [Int32] {
        guard let directory = opendir(path) else { return [] }
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

    private static func link(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let length = readlink(
                path,
                UnsafeMutableRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self),
                256
            )
            return length > 0 ? String(decoding: buffer.prefix(length), as: UTF8.self) : nil
        }
    }

    /// Event counters are told apart by a number.
    private static func eventIdentity(_ descriptor: Int32) -> String {
        let line = lines("/proc/self/fdinfo/\(descriptor)").first { $0.hasPrefix("eventfd-id:") }
        return "\(event) \(line ?? "")"
    }

    private static func lines(_ path: String) -> [String] {
        guard let file = fopen(path, "re") else { return [] }
        defer { fclose(file) }
        var lines: [String] = []
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            lines.append(
                String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            )
        }
        return lines
    }
}
