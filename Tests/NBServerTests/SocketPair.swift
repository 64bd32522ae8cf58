import Glibc

/// Two connected sockets, of which one is given away, to learn whether it is closed.
final class SocketPair {
    /// The end that is given away.
    let end: Int32
    private let other: Int32

    init() {
        var ends: [Int32] = [-1, -1]
        // Close on exec, so that no process another test starts keeps an end open.
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        (other, end) = (ends[0], ends[1])
    }

    deinit {
        close(other)
    }

    /// Sends to the end that was given away.
    func send(_ text: String) -> Bool {
        Glibc.send(other, text, text.utf8.count, Int32(MSG_NOSIGNAL)) == text.utf8.count
    }

    /// Has the end that was given away read the end of the stream.
    func finish() {
        shutdown(other, Int32(SHUT_WR))
    }

    /// Reads once; `nil` if that fails or takes ten seconds, no text at the end of the stream.
    func read(upTo count: Int) -> String? {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes = [UInt8](repeating: 0, count: count)
        var result = recv(other, &bytes, count, 0)
        // Other tests of this process send signals.
        while result < 0 && errno == EINTR { result = recv(other, &bytes, count, 0) }
        return result < 0 ? nil : String(decoding: bytes[..<result], as: UTF8.self)
    }

    /// Reads to the end of the stream; `nil` if it is reset or takes too long.
    func readToEnd() -> String? {
        var text = ""
        while let more = read(upTo: 65_536) {
            if more.isEmpty { return text }
            text += more
        }
        return nil
    }

    /// Whether the end that was given away closes; waits ten seconds for it.
    ///
    /// A process that another test starts has a copy of every descriptor until its `exec`, and a socket ends with its last copy.
    var isEndClosed: Bool {
        var poll = pollfd(fd: other, events: 0, revents: 0)
        var result = Glibc.poll(&poll, 1, 10_000)
        // Other tests of this process send signals.
        while result < 0 && errno == EINTR { result = Glibc.poll(&poll, 1, 10_000) }
        return result == 1 && Int32(poll.revents) & POLLHUP != 0
    }

    /// Whether the end that was given away is open now.
    var isEndOpen: Bool {
        var poll = pollfd(fd: other, events: 0, revents: 0)
        return Glibc.poll(&poll, 1, 0) == 0
    }
}
