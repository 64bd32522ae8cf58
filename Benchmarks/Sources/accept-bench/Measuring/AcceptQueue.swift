import LoopbackClient
import Measuring

/// The connections that the kernel has established for a listener and nobody has accepted yet.
enum AcceptQueue {
    static func length(at port: UInt16) throws -> Int {
        let port = ":" + hexadecimal(port)
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
