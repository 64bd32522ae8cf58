// Clients that send long streams and read them back at the same time, without holding them.

@preconcurrency import Glibc

/// Owns some sockets, on each of which a stream of its own goes there and back.
///
/// A stream's bytes follow from their places, and what comes back is compared with them, byte for byte: faster than a checksum,
/// and surer.
struct EchoStreams: ~Copyable {
    struct Counts: Equatable {
        var whole = 0
        var cutShort = 0
        var wrong = 0
        var failed = 0
    }

    private struct Stream {
        let socket: Int32
        var sent = 0
        var received = 0
        var isRight = true
        var hasEnded = false
    }

    private(set) var counts = Counts()
    private var streams: [Stream] = []
    private let length: Int
    private let chunk: Int
    private let readLimit: Int
    private var buffer: [UInt8]

    /// The bytes of a stream come again after a prime number of them, which no buffer's size goes into.
    private static let period = 1_000_003
    private static let longest = 256 << 10
    private static let pattern = (0..<period + longest).map { number in
        let place = number % period
        return UInt8(truncatingIfNeeded: place &* 167 &+ place >> 8 &+ place >> 16)
    }

    /// - Parameters:
    ///   - count: how many streams.
    ///   - length: how long each is.
    ///   - address: where the echo is.
    ///   - chunk: how much is sent at a time.
    ///   - readsAtMost: how much is read at a time.
    /// - Throws: ``Failure`` if they cannot connect.
    init(_ count: Int, of length: Int, to address: Address, chunk: Int, readsAtMost: Int = longest) throws {
        self.length = length
        self.chunk = chunk
        readLimit = readsAtMost
        buffer = [UInt8](repeating: 0, count: readsAtMost)
        for _ in 0..<count {
            let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard socket >= 0 else { throw Failure(call: "socket") }
            streams.append(Stream(socket: socket))
            guard try address.withSocketAddress({ connect(socket, $0, $1) }) == 0 else {
                throw Failure(call: "connect")
            }
            _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        for stream in streams { close(stream.socket) }
    }

    /// Sends until nothing more is taken, and reads nothing.
    mutating func fillUp() throws {
        for index in streams.indices {
            while try send(index) {}
            // The server may take some more as long as it can send it back.
            guard streams[index].sent < length else { throw Failure("all of \(length) bytes were taken unread") }
        }
    }

    /// Sends and reads until every stream has ended.
    mutating func run() throws {
        var deadline = Deadline()
        while streams.contains(where: { !$0.hasEnded }) {
            guard deadline.isAhead else { throw Failure("the streams hang: \(counts)") }
            waitUntilSomethingIsPossible()
            for index in streams.indices where !streams[index].hasEnded {
                if try send(index) { deadline = Deadline() }
                if receive(index) { deadline = Deadline() }
            }
        }
    }

    private func waitUntilSomethingIsPossible() {
        var polled = streams.filter { !$0.hasEnded }.map { stream in
            pollfd(fd: stream.socket, events: Int16(stream.sent < length ? POLLIN | POLLOUT : POLLIN), revents: 0)
        }
        poll(&polled, nfds_t(polled.count), 100)
    }

    /// Returns whether there was progress.
    private mutating func send(_ index: Int) throws -> Bool {
        let stream = streams[index]
        guard stream.sent < length else { return false }
        let count = min(chunk, length - stream.sent)
        let result = Self.withPattern(at: stream.sent + index) {
            Glibc.send(stream.socket, $0, count, Int32(MSG_NOSIGNAL))
        }
        guard result > 0 else {
            if errno != EAGAIN { end(index) { $0.failed += 1 } }
            return false
        }
        streams[index].sent += result
        if streams[index].sent == length { shutdown(stream.socket, Int32(SHUT_WR)) }
        return true
    }

    /// Returns whether there was progress.
    private mutating func receive(_ index: Int) -> Bool {
        let stream = streams[index]
        guard !stream.hasEnded else { return false }
        let result = recv(stream.socket, &buffer, readLimit, 0)
        if result > 0 {
            let isRight = Self.withPattern(at: stream.received + index) { memcmp($0, buffer, result) == 0 }
            if !isRight { streams[index].isRight = false }
            streams[index].received += result
        } else if result == 0 {
            finish(index)
        } else if errno != EAGAIN {
            end(index) { $0.failed += 1 }
        }
        return result >= 0
    }

    private static func withPattern<Result>(at place: Int, _ body: (UnsafeRawPointer) -> Result) -> Result {
        // The pattern is not empty.
        pattern.withUnsafeBytes { body($0.baseAddress! + place % period) }
    }

    private mutating func finish(_ index: Int) {
        let stream = streams[index]
        let isWhole = stream.received == length && stream.sent == length
        end(index) { counts in
            if !isWhole {
                counts.cutShort += 1
            } else if !stream.isRight {
                counts.wrong += 1
            } else {
                counts.whole += 1
            }
        }
    }

    private mutating func end(_ index: Int, _ count: (inout Counts) -> Void) {
        guard !streams[index].hasEnded else { return }
        streams[index].hasEnded = true
        count(&counts)
    }
}
