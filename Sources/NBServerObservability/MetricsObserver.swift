#if Metrics
public import CoreMetrics
public import NBServer

/// Feeds swift-metrics with what a server counts, and with its load.
///
/// ```swift
/// MetricsSystem.bootstrap(metrics)
/// let soup = try Server(listening: listeningAddress(port: 7777), observer: MetricsObserver()) { _ in SoupWorker() }
/// ```
///
/// | Name, after the prefix | Kind | What it is |
/// | --- | --- | --- |
/// | `_connections_accepted`, `_delivered`, `_adopted`, `_last_word`, `_failed`, `_expired`, `_ended` | counter | see ``ServerCounters`` |
/// | `_connections_discarded`, `_connections_waited`, `_listener_parks` | counter for each ``AdmissionReason``, with the dimension `reason` | connections that were refused, or waited at a limit; how often a listener parked |
/// | `_bytes_received`, `_bytes_sent` | counter | bytes for workers; bytes that the kernel has taken |
/// | `_accepts_armed`, `_accepts_failed` | counter | accept operations |
/// | `_messages_handled`, `_messages_refused` | counter | calls and casts; those that found the mailbox full |
/// | `_connections_open`, `_connections_waiting` | gauge | connections that have not ended; that were accepted and not delivered yet |
/// | `_listeners_open`, `_listeners_parked` | gauge | listeners that are not closed; that cannot accept for now |
/// | `_mailbox_length` | gauge | messages that wait |
/// | `_turns` | counter | turns of the loop |
/// | `_busy_nanoseconds` | counter | time spent in turns, as in ``ServerLoad/turnTime`` |
/// | `_longest_turn` | timer | the longest turn of each batch |
///
/// A batch is at most so many operations, however many connections there were, and there is at most one an interval. **A slow backend does
/// not hold up a server**: it is called on a queue of Dispatch, and what is counted meanwhile is in the next batch. Only when the server has
/// ended, its thread waits for the last batch, for as long as `endLimit` says.
///
/// One server's: counters are told as differences. Give each shard of a group its own, with a dimension that tells which.
public final class MetricsObserver: LoadObserver {
    private let outbox: Outbox<MetricsBatch>
    private let endLimit: Duration

    /// An observer that feeds a backend.
    ///
    /// - Parameters:
    ///   - prefix: what every name begins with.
    ///   - dimensions: of every metric, such as `[("shard", "0")]`.
    ///   - factory: the backend; by default the one that the program has bootstrapped.
    ///   - interval: how long at least from one batch to the next; below zero is zero.
    ///   - endLimit: how long the server's thread waits for the backend when the server has ended; below zero is zero.
    public init(
        prefix: String = "nb_server",
        dimensions: [(String, String)] = [],
        factory: any MetricsFactory = MetricsSystem.factory,
        every interval: Duration = .seconds(1),
        endLimit: Duration = .seconds(1)
    ) {
        let feed = MetricsFeed(prefix, dimensions, factory)
        outbox = Outbox("nb-server.metrics", empty: MetricsBatch(), interval: interval) { feed.tell($0) }
        self.endLimit = endLimit
    }

    /// Adds to the batch. Called by the server.
    public func observe(_ events: [ServerEvent], _ counters: ServerCounters, _ load: ServerLoad) {
        outbox.put { $0.add(counters, load) }
        if events.contains(where: \.isTermination) { outbox.flush(within: endLimit) }
    }
}

extension ServerEvent {
    fileprivate var isTermination: Bool {
        if case .terminated = self { true } else { false }
    }
}
#endif
