// One end of a connection to a loopback listener, with blocking calls and a time limit that only fails; closed when
// dropped.

import Glibc
import Testing

struct LoopbackClient: ~Copyable, Sendable {
    /// How a stream ended for its reader.
    enum Ending: Equatable, Sendable {
        /// The peer closed in good order.
        case finished
        /// With this error.
        case failed(Int32)
    }

    let descriptor: Int32

    init(port: UInt16, receiveBuffer: Int32? = nil) throws {
        let descriptor = try Loopback.socket()
        do {
            if let receiveBuffer { try Loopback.setOption(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
            try Loopback.setOption(descriptor, SOL_SOCKET, SO_RCVTIMEO, timeval(tv_sec: 30, tv_usec: 0))
            _ = try Loopback.withAddress(port: port) { try check("connect", connect(descriptor, $0, $1)) }
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit {
        close(descriptor)
    }

    func send(_ bytes: [UInt8]) throws {
        let sent = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        try #require(sent == bytes.count)
    }

    /// Says that nothing more will be sent.
    func finishSending() throws {
        try check("shutdown", shutdown(descriptor, Int32(SHUT_WR)))
    }

    /// Ends the connection with a reset; the descriptor stays open, for nothing.
    func reset() throws {
        _ = try Loopback.withAddress(family: AF_UNSPEC, port: 0) { try check("connect", connect(descriptor, $0, $1)) }
    }

    /// Reads until the stream ends.
    func readToEnd() -> (bytes: [UInt8], ending: Ending) {
        LoopbackClient.readToEnd(descriptor)
    }

    /// The same for a thread that has only the number of a client's descriptor.
    static func readToEnd(_ descriptor: Int32, step: Int = 1 << 16) -> (bytes: [UInt8], ending: Ending) {
        var bytes: [UInt8] = []
        var portion = [UInt8](repeating: 0, count: step)
        while true {
            let count = recv(descriptor, &portion, step, 0)
            if count > 0 {
                bytes += portion[..<count]
            } else if count == 0 {
                return (bytes, .finished)
            } else if errno != EINTR {
                return (bytes, .failed(errno))
            }
        }
    }

    /// Reads exactly so many bytes.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let received = recv(descriptor, &bytes, count, Int32(MSG_WAITALL))
        try #require(received == count)
        return bytes
    }
}
