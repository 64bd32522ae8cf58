#if Metrics
internal import CoreMetrics
internal import NBServer

/// A server's metrics, and what they were told last.
///
/// The outbox's queue only, which delivers one batch after the other.
final class MetricsFeed: @unchecked Sendable {
    private let counters: [(counter: Counter, value: KeyPath<ServerCounters, UInt64>)]
    private let gauges: [(gauge: Gauge, value: KeyPath<ServerLoad, Int>)]
    private let countedGauges: [(gauge: Gauge, value: KeyPath<ServerCounters, UInt64>)]
    private let turns: Counter
    private let busyTime: Counter
    private let longestTurn: CoreMetrics.Timer
    private var told = ServerCounters()
    private var toldLoad: ServerLoad?

    init(_ prefix: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
        let plain = Self.counterNames.map { name, value in
            (Counter(label: "\(prefix)_\(name)", dimensions: dimensions, factory: factory), value)
        }
        let byReason = Self.counterNamesByReason.flatMap { name, value in
            AdmissionReason.allCases.map { reason in
                let dimensions = dimensions + [("reason", reason.rawValue)]
                let counter = Counter(label: "\(prefix)_\(name)", dimensions: dimensions, factory: factory)
                return (counter, value.appending(path: \.[reason]))
            }
        }
        counters = plain + byReason
        gauges = Self.gaugeNames.map { name, value in
            (Gauge(label: "\(prefix)_\(name)", dimensions: dimensions, factory: factory), value)
        }
        countedGauges = [("connections_open", \.open), ("connections_waiting", \.waiting)].map { name, value in
            (Gauge(label: "\(prefix)_\(name)", dimensions: dimensions, factory: factory), value)
        }
        turns = Counter(label: "\(prefix)_turns", dimensions: dimensions, factory: factory)
        busyTime = Counter(label: "\(prefix)_busy_nanoseconds", dimensions: dimensions, factory: factory)
        longestTurn = CoreMetrics.Timer(label: "\(prefix)_longest_turn", dimensions: dimensions, factory: factory)
    }

    private static var counterNames: [(String, KeyPath<ServerCounters, UInt64>)] {
        [
            ("connections_accepted", \.accepted), ("connections_delivered", \.delivered),
            ("connections_adopted", \.adopted), ("connections_failed", \.failed),
            ("connections_last_word", \.toldLastWord), ("connections_expired", \.expired),
            ("connections_ended", \.ended),
            ("bytes_received", \.bytesReceived), ("bytes_sent", \.bytesSent), ("accepts_armed", \.armed),
            ("accepts_failed", \.acceptFailures), ("messages_handled", \.messages),
            ("messages_refused", \.refusedMessages),
        ]
    }

    /// One counter for each reason.
    private static var counterNamesByReason: [(String, KeyPath<ServerCounters, AdmissionCounts>)] {
        [
            ("connections_discarded", \.discardedByReason), ("connections_waited", \.waitedByReason),
            ("listener_parks", \.parkedByReason),
        ]
    }

    private static var gaugeNames: [(String, KeyPath<ServerLoad, Int>)] {
        [
            ("listeners_open", \.listeners),
            ("listeners_parked", \.parkedListeners), ("mailbox_length", \.mailboxLength),
        ]
    }

    /// Tells what has changed.
    func tell(_ batch: MetricsBatch) {
        guard let new = batch.counters else { return }
        for (counter, value) in counters where new[keyPath: value] > told[keyPath: value] {
            counter.increment(by: new[keyPath: value] - told[keyPath: value])
        }
        for (gauge, value) in countedGauges where toldLoad == nil || new[keyPath: value] != told[keyPath: value] {
            gauge.record(Int64(clamping: new[keyPath: value]))
        }
        told = new
        for (gauge, value) in gauges where toldLoad?[keyPath: value] != batch.load[keyPath: value] {
            gauge.record(Int64(batch.load[keyPath: value]))
        }
        tellTurns(batch.load)
        toldLoad = batch.load
    }

    private func tellTurns(_ load: ServerLoad) {
        let before = toldLoad ?? ServerLoad()
        if load.turns > before.turns { turns.increment(by: load.turns - before.turns) }
        let busy = Self.nanoseconds(load.turnTime - before.turnTime)
        if busy > 0 { busyTime.increment(by: busy) }
        longestTurn.recordNanoseconds(Self.nanoseconds(load.longestTurn))
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
#endif
