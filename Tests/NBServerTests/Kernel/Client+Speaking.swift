import Glibc

@testable import NBServer

// A client that says something, and waits until all of it is on its way.
extension Client {
    func say(_ text: String) throws {
        try say(Array(text.utf8))
    }

    func say(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let result = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard result > 0 else { return try noteReset(or: errno) }
            sent += result
        }
    }

    /// Says bytes each in a segment of its own, as far as the kernel lets it.
    func sayOneByOne(_ bytes: [UInt8]) throws {
        var isOn: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
        for byte in bytes { try say([byte]) }
    }

    /// Says a byte every millisecond until the other side has ended the connection.
    func trickle(_ byte: UInt8) throws {
        for _ in 0..<30_000 {
            var socket = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&socket, 1, 1) > 0 { return }
            guard Glibc.send(descriptor, [byte], 1, Int32(MSG_NOSIGNAL)) == 1 else { return }
        }
        throw TimedOut()
    }

    /// Ends its own side.
    func endOutput() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Waits until the other side's kernel has everything that was said.
    func waitUntilAllIsHeard() throws {
        try KernelScenario.wait(for: "everything the client said is acknowledged") {
            var unacknowledged: Int32 = 0
            _ = ioctl(descriptor, UInt(TIOCOUTQ), &unacknowledged)
            return unacknowledged == 0
        }
    }
}
