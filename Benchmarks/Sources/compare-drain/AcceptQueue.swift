import Glibc
import LoopbackClient
import Measuring

/// The connections that the kernel has established for a listener and nobody has accepted yet.
enum AcceptQueue {
    /// Fails unless `count` connections are queued at `server`, because a drain of fewer would pass for a fast one.
    static func expect(_ count: Int, at server: Endpoint) throws {
        var queued = 0
        // The last handshake may still be on its way through the loopback interface.
        for _ in 0..<100 {
            queued = try length(at: server)
            if queued == count { return }
            usleep(5000)
        }
        throw Failure("\(queued) connections are in its accept queue instead of \(count): is its backlog too small?")
    }

    private static func length(at server: Endpoint) throws -> Int {
        let port = ":" + hexadecimal(server.port)
        let listening = "0A"
        var length = 0
        for line in try textOfFile("/proc/net/tcp").split(separator: "\n").dropFirst() {
            // The fields: number, local address, remote address, state, and queues as "sent:received".
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count == 6, fields[3] == listening else { continue }
            guard fields[1].hasSuffix(port), let queue = fields[4].split(separator: ":").last else { continue }
            length += Int(queue, radix: 16) ?? 0
        }
        return length
    }

    private static func hexadecimal(_ port: UInt16) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}
