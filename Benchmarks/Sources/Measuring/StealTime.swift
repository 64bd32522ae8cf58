/// How much of the machine's time the hypervisor gave to others, from a starting point on.
package struct StealTime {
    private let start: [UInt64]

    package init() throws {
        start = try Self.ticks()
    }

    package func percentageSince() throws -> Double {
        let spent = zip(try Self.ticks(), start).map { $0 - min($0, $1) }
        return 100 * Double(spent[7]) / Double(max(1, spent.reduce(0, +)))
    }

    /// User, nice, system, idle, iowait, irq, softirq, steal.
    private static func ticks() throws -> [UInt64] {
        let path = "/proc/stat"
        let fields = try textOfFile(path).prefix(while: { $0 != "\n" }).split(separator: " ")
        let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard ticks.count == 8 else { throw Failure("\(path): not understood") }
        return ticks
    }
}
