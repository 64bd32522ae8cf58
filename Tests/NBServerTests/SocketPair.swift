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

    var isEndClosed: Bool {
        var poll = pollfd(fd: other, events: 0, revents: 0)
        return Glibc.poll(&poll, 1, 0) == 1 && Int32(poll.revents) & POLLHUP != 0
    }
}
