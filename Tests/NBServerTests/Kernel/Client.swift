import Glibc
import Synchronization

@testable import NBServer

/// A blocking TCP client. A read that takes a minute fails.
///
/// A reset may come while it connects, sends or reads: on a slow machine earlier than on a fast one. The kernel tells it once, to
/// whichever call meets it first. So whenever it came, reading ends with ``Ending/reset``.
final class Client: Sendable {
    struct Refused: Error {}
    struct TimedOut: Error {}
    struct Failed: Error {
        let errno: Int32
    }

    /// How a stream ended, and what it had brought.
    enum Ending: Hashable {
        case end(String)
        case reset
    }

    let descriptor: Int32
    private let writer = Lock<pthread_t?>(nil)
    private let bytesWritten = Atomic<Int>(0)
    /// A call before the reading was told of a reset.
    private let metReset = Atomic<Bool>(false)

    convenience init(_ address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        self.init(family: address.family)
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        try connect(to: address)
    }

    /// A socket that is not connected yet, for tests in which no descriptor is left later.
    init(family: Int32) {
        descriptor = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    func connect(to address: SocketAddress) throws {
        if address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 { return }
        switch errno {
        case EINTR: try waitUntilConnected()
        case let errno: try noteReset(or: errno)
        }
    }

    /// Takes a call's error for a reset, or throws it.
    func noteReset(or errno: Int32) throws {
        switch errno {
        case ECONNRESET: metReset.store(true, ordering: .relaxed)
        case ECONNREFUSED: throw Refused()
        case EPIPE where metReset.load(ordering: .relaxed): break
        default: throw Failed(errno: errno)
        }
    }

    /// Connects without waiting for it.
    func startConnecting(to address: SocketAddress) throws {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        if address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 { return }
        guard errno == EINPROGRESS else { throw Failed(errno: errno) }
    }

    /// Waits for a connection that was started.
    func finishConnecting() throws {
        try waitUntilConnected()
        _ = fcntl(descriptor, F_SETFL, 0)
    }

    /// A connect that a signal has interrupted goes on by itself.
    private func waitUntilConnected() throws {
        var socket = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while poll(&socket, 1, 30_000) < 0 && errno == EINTR {}
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        if error != 0 { try noteReset(or: error) }
    }

    deinit {
        Glibc.close(descriptor)
    }

    var localAddress: SocketAddress {
        SocketAddress.reading { getsockname(descriptor, $0, $1) }!  // A connected socket has an address.
    }

    /// Ends the connection with a reset.
    func reset() {
        var off = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
    }

    /// Whether the connection is open and has brought nothing that is still to be read.
    var hasNothingToRead: Bool {
        var byte: UInt8 = 0
        return recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0 && errno == EAGAIN
    }

    /// Speaks, and ends its own side, if there is nothing to read, and no end, for a while.
    func speakIfNothingComes(within milliseconds: Int32 = 1000) {
        var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&socket, 1, milliseconds) == 0 else { return }
        Glibc.send(descriptor, "?", 1, Int32(MSG_NOSIGNAL))
        shutdown(descriptor, Int32(SHUT_WR))
    }

    func readToEnd() throws -> Ending {
        do {
            return .end(String(decoding: try readBytesToEnd(chunk: 4096), as: UTF8.self))
        } catch is Reset {
            return .reset
        }
    }

    private struct Reset: Error {}

    func readBytesToEnd(chunk: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let more = try readSome(chunk) { bytes += more }
        return bytes
    }

    /// Reads exactly `count` bytes.
    func read(_ count: Int) throws -> String {
        var bytes: [UInt8] = []
        while bytes.count < count, let more = try readSome(count - bytes.count) { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func readSome(_ count: Int) throws -> [UInt8]? {
        guard !metReset.load(ordering: .relaxed) else { throw Reset() }
        var buffer = [UInt8](repeating: 0, count: count)
        // Other tests of this process send signals.
        var result = recv(descriptor, &buffer, count, 0)
        while result < 0 && errno == EINTR { result = recv(descriptor, &buffer, count, 0) }
        if result > 0 { return Array(buffer[..<result]) }
        if result == 0 { return nil }
        switch errno {
        case ECONNRESET: throw Reset()
        case EAGAIN: throw TimedOut()
        case let errno: throw Failed(errno: errno)
        }
    }

    /// Writes `count` bytes on a thread of its own, so that a full socket does not keep the client from reading.
    func writeInBackground(_ count: Int) {
        let (descriptor, bytes) = (descriptor, [UInt8](repeating: 65, count: count))
        let body = Unmanaged.passRetained(
            Body {
                var sent = 0
                while sent < count {
                    let result = bytes.withUnsafeBytes {
                        Glibc.send(descriptor, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                    }
                    guard result > 0 else { return }
                    sent += result
                    self.bytesWritten.store(sent, ordering: .releasing)
                }
            }
        )
        var thread = pthread_t()
        pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().call()
                return nil
            },
            body.toOpaque()
        )
        writer.withLock { $0 = thread }
    }

    /// Sends a text, all of it.
    func send(_ text: String) throws {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return try noteReset(or: errno) }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Ends the client's own side when it has written everything.
    func finish() {
        waitForWriter()
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Waits until at least `count` bytes have arrived at the other side's kernel.
    func waitUntilHeard(_ count: Int) throws {
        for _ in 0..<10_000 {
            let written = bytesWritten.load(ordering: .acquiring)
            var unacknowledged: Int32 = 0
            _ = ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged)
            if written - Int(unacknowledged) >= count { return }
            usleep(1000)
        }
        throw TimedOut()
    }

    private final class Body: Sendable {
        let call: @Sendable () -> Void
        init(_ call: @escaping @Sendable () -> Void) { self.call = call }
    }

    func waitForWriter() {
        let thread = writer.withLock { thread in
            defer { thread = nil }
            return thread
        }
        if let thread { pthread_join(thread, nil) }
    }
}
