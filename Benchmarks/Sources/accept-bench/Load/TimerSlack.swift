import Glibc

/// How late the kernel may wake the calling thread: 50 µs by default, which would make connections that are due late.
enum TimerSlack {
    /// In nanoseconds; 0 for the default. Best effort.
    static func set(_ nanoseconds: Int) {
        guard let thread else { return }
        let file = open("/proc/\(thread)/timerslack_ns", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        var text = Array("\(nanoseconds)".utf8)
        write(file, &text, text.count)
        close(file)
    }

    /// The calling thread's number, which is the last part of what `/proc/thread-self` leads to.
    private static var thread: Substring? {
        var link = [CChar](repeating: 0, count: 128)
        let length = readlink("/proc/thread-self", &link, link.count)
        guard length > 0 else { return nil }
        return String(decoding: link[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self).split(separator: "/").last
    }
}
