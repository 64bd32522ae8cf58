import LoopbackClient
import Measuring

/// The connections that the kernel has established for a listener and its server has not accepted yet.
enum AcceptQueue {
    /// How many there are at an IPv4 address: also if the listener is at every address of the machine.
    static func length(at target: TargetAddress) throws -> Int {
        // A listener for both families is in the second table. It is not there without IPv6.
        let tables = [try textOfFile("/proc/net/tcp"), (try? textOfFile("/proc/net/tcp6")) ?? ""]
        return length(at: target, in: tables.joined(separator: "\n"))
    }

    /// In the kernel's own table of sockets.
    static func length(at target: TargetAddress, in table: String) -> Int {
        let port = hexadecimal(target.port, digits: 4)
        // As the kernel keeps it in memory, read as a number of this machine.
        let host = target.bytes[4..<8].reversed().map { hexadecimal($0, digits: 2) }.joined()
        let addresses = [host, String(repeating: "0", count: 8), String(repeating: "0", count: 32)].map {
            "\($0):\(port)"
        }
        let listening = "0A"
        var length = 0
        for line in table.split(separator: "\n") {
            // The fields: number, local address, remote address, state, and queues as "sent:received".
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count == 6, fields[3] == listening, addresses.contains(String(fields[1])) else { continue }
            guard let queue = fields[4].split(separator: ":").last else { continue }
            length += Int(queue, radix: 16) ?? 0
        }
        return length
    }

    private static func hexadecimal(_ number: some BinaryInteger, digits: Int) -> String {
        let text = String(number, radix: 16, uppercase: true)
        return String(repeating: "0", count: digits - text.count) + text
    }
}
