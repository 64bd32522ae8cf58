import LoopbackClient
import Measuring

/// The kernel's counters of connections it dropped, of this network namespace.
struct KernelCounters {
    /// A connection that was dropped, or answered without the queue's having room. Any of them makes a run invalid.
    static let ofDrops = [
        "ListenOverflows", "ListenDrops", "TCPReqQFullDrop", "TCPReqQFullDoCookies", "SyncookiesSent",
        "TCPAbortOnMemory", "TCPAbortFailed", "TCPBacklogDrop",
    ]

    private let values: [String: Int]

    init() throws {
        try self.init(netstat: textOfFile("/proc/net/netstat"), snmp: textOfFile("/proc/net/snmp"))
    }

    init(netstat: String, snmp: String) throws {
        values = try Self.values(in: netstat, "TcpExt:").merging(try Self.values(in: snmp, "Tcp:")) { $1 }
    }

    /// Those that have moved.
    func drops(since earlier: KernelCounters) -> [String: Int] {
        var moved: [String: Int] = [:]
        for name in Self.ofDrops {
            let difference = (values[name] ?? 0) - (earlier.values[name] ?? 0)
            if difference != 0 { moved[name] = difference }
        }
        return moved
    }

    /// Segments that were sent again, which is what a dropped handshake looks like from outside.
    func retransmissions(since earlier: KernelCounters) -> Int {
        (values["RetransSegs"] ?? 0) - (earlier.values["RetransSegs"] ?? 0)
    }

    /// Segments of TCP, with those that answer or reset, without those that were sent again.
    func segmentsSent(since earlier: KernelCounters) -> Int {
        (values["OutSegs"] ?? 0) - (earlier.values["OutSegs"] ?? 0)
    }

    /// A line of names, then a line of numbers, both with the same first word.
    private static func values(in text: String, _ word: String) throws -> [String: Int] {
        let lines = text.split(separator: "\n").filter { $0.hasPrefix(word) }
        guard lines.count == 2 else { throw Failure("the kernel's counters (\(word)) are not understood") }
        let names = lines[0].split(separator: " ").dropFirst()
        let numbers = lines[1].split(separator: " ").dropFirst()
        var values: [String: Int] = [:]
        for (name, number) in zip(names, numbers) { values[String(name)] = Int(number) }
        return values
    }
}
