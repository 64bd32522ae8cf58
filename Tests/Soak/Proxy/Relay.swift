internal import Glibc

/// Between one client and the server: a thread's work, from the accepted connection to the end of both.
///
/// It may block, with a limit that only what hangs meets.
struct Relay {
    private static let chunk = 16 << 10

    private let client: Int32
    private let server: Int32
    private let fate: Fate

    /// Takes over an accepted connection and connects it; `nil` if that cannot be.
    init?(_ client: Int32, to port: UInt16, _ fate: Fate) {
        self.client = client
        self.fate = fate
        server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        Self.setLimits(client)
        Self.setLimits(server)
        guard Loopback.withAddress(port, { connect(server, $0, $1) }) == 0 else {
            close(client)
            close(server)
            return nil
        }
    }

    /// Both are closed when this returns.
    func run() {
        switch fate {
        case .deaf: reset(server)
        case .cut: cut()
        case .halfClosed:
            shutdown(server, Int32(SHUT_WR))
            forward()
        case .faithful, .delayed, .trickling: forward()
        }
        close(client)
        close(server)
    }

    /// Gives the client all but the last of the first bytes, so that what it gets is never whole.
    private func cut() {
        let bytes = hear(server)
        _ = say(bytes.dropLast(), to: client)
        reset(client)
        reset(server)
    }

    /// Both ways, until both have ended. A client that has heard the server out resets, which ends it too.
    private func forward() {
        var isClientOpen = fate != .halfClosed
        var isServerOpen = true
        var trickles = fate == .trickling
        while isServerOpen || isClientOpen {
            var polled = [
                pollfd(fd: isClientOpen ? client : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isServerOpen ? server : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&polled, 2, 30_000) > 0 else { return }
            if fate == .delayed { usleep(5_000) }
            if polled[0].revents != 0 { isClientOpen = pass(from: client, to: server, byByte: trickles) }
            if polled[1].revents != 0 {
                isServerOpen = pass(from: server, to: client, byByte: trickles)
                trickles = false
            }
        }
    }

    /// Passes on what is there, or the end; `false` if that was the end.
    private func pass(from source: Int32, to destination: Int32, byByte: Bool) -> Bool {
        let bytes = hear(source)
        guard !bytes.isEmpty else {
            shutdown(destination, Int32(SHUT_WR))
            return false
        }
        guard byByte else { return say(bytes[...], to: destination) }
        let first = bytes.prefix(32)
        return first.indices.allSatisfy { say(bytes[$0...$0], to: destination) }
            && say(bytes.dropFirst(first.count), to: destination)
    }

    private func hear(_ source: Int32) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, count in
            count = max(0, recv(source, buffer.baseAddress, buffer.count, 0))
        }
    }

    private func say(_ bytes: ArraySlice<UInt8>, to destination: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                let count = send(destination, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }

    /// From now on, closing it is a reset. Ends what it has said and heard.
    private func reset(_ socket: Int32) {
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
    }

    private static func setLimits(_ socket: Int32) {
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}
