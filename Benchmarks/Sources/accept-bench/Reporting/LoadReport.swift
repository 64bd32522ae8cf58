import Foundation
import Measuring

/// What a run of the clients alone came to, for a person and for a program.
struct LoadReport {
    let result: LoadResult
    /// Where the connections went.
    let servers: [String]
    let isOpen: Bool

    private var stream: StreamResult { result.streams[0] }

    var text: String {
        let ledger = stream.ledger
        let rate = Double(ledger.answered) / max(0.001, result.seconds)
        var lines = result.isInterrupted ? ["INTERRUPTED: this is what was measured until then"] : []
        lines += [
            "\(ledger.started) connections to \(servers.joined(separator: ", ")) in \(result.seconds.fixed(2)) s: \(ledger.connected) connected, "
                + "\(ledger.answered) answered, \(result.isGeneratorSaturated ? "≥ " : "")\(rate.fixed(0)) a second, \(stream.bytes) bytes",
            (ledger.complaint ?? "every connection ended as it should")
                + (ledger.cutOff > 0 ? "; \(ledger.cutOff) were on their way" : ""),
            "",
        ]
        // Without a connection there is nothing to time, and no server to be faster than.
        guard ledger.connected > 0 else { return lines.dropLast().joined(separator: "\n") }
        lines += [
            latencies,
            "the clients' own CPU: \((100 * result.generatorLoad).fixed(0)) % of "
                + (result.threads == 1 ? "one" : "\(result.threads)"),
        ]
        if result.isGeneratorSaturated {
            lines.append("The clients were the limit: how fast the server is was not seen. More --threads may help.")
        }
        if isOpen, stream.isMostlyLate {
            lines.append("Most of the latency is the clients' own: they began late. Lower --rate, or more --threads.")
        }
        return lines.joined(separator: "\n")
    }

    private var latencies: String {
        var table = Table(
            columns: [.text("µs from \(isOpen ? "the schedule" : "the beginning")")]
                + Latencies.shown.map { .number($0.0) } + [.number("max")]
        )
        for (name, latencies) in named {
            let cells = Latencies.shown.map { latencies.quantile($0.1).fixed(0) }
            table.add([name] + cells + [latencies.greatest.fixed(0)])
        }
        return table.description
    }

    private var named: [(String, Latencies)] {
        let all = [
            ("to begin", stream.lateness), ("to connected", stream.connecting), ("to first byte", stream.firstByte),
            ("to the end", stream.whole),
        ]
        return all.filter { $0.1.count > 0 && (isOpen || $0.0 != "to begin") }
    }

    func json() throws -> String {
        let document = Document(
            servers: servers,
            isInterrupted: result.isInterrupted,
            seconds: result.seconds,
            ledger: stream.ledger,
            bytes: stream.bytes,
            clientLoad: result.generatorLoad,
            isClientLimited: result.isGeneratorSaturated,
            microseconds: Dictionary(
                uniqueKeysWithValues: named.map { name, latencies in
                    var values: [String: Double] = ["max": latencies.greatest]
                    for (label, percentile) in Latencies.shown { values[label] = latencies.quantile(percentile) }
                    return (name, values)
                }
            )
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private struct Document: Encodable {
        let servers: [String]
        let isInterrupted: Bool
        let seconds: Double
        let ledger: ConnectionLedger
        let bytes: Int
        let clientLoad: Double
        let isClientLimited: Bool
        let microseconds: [String: [String: Double]]
    }
}
