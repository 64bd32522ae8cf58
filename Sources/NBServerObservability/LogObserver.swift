#if Logging
public import Logging
public import NBServer

/// Logs what happens to a server with swift-log.
///
/// ```swift
/// let server = try Server(listening: listeningAddress(port: 7777), observer: LogObserver(logger)) { _ in SoupWorker() }
/// ```
///
/// A line is of the server or of a listener, never of one connection: connections that failed are counted, and told in one line a batch.
///
/// | Message | Level | Metadata |
/// | --- | --- | --- |
/// | `server began` | info | `nb.addresses`, `nb.engine` |
/// | `listener added`, `listener removed` | info | `nb.address` |
/// | `listener paused`, `listener resumed` | debug | `nb.address` |
/// | `listener parked`, `listener sheds clients` | warning | `nb.address`, `nb.error` |
/// | `listener recovered` | notice | `nb.address` |
/// | `listener at limit` | notice | `nb.address`, `nb.limit` |
/// | `listener below limit` | info | `nb.address` |
/// | `listener down` | error | `nb.address`, `nb.error` |
/// | `connections failed` | warning | `nb.count`; `nb.error`, the last one's |
/// | `kept connections lost` | debug | `nb.count` |
/// | `messages to ended workers` | debug | `nb.count` |
/// | `messages suspended`, `messages resumed` | notice | |
/// | `signal` | notice | `nb.signal` |
/// | `server drains` | notice | `nb.limit` |
/// | `server ended` | info; error if it failed | `nb.reason`, `nb.accepted`, `nb.delivered`, `nb.discarded`, `nb.failed` |
/// | `log lines dropped` | warning | `nb.count` |
///
/// Timers, timeouts and the ends of workers that are watched are not logged.
///
/// **A slow logger does not hold up a server.** The server's thread adds to a batch, and never calls the logger, which is called on a queue of
/// Dispatch. While the logger is busy no more lines gather than the limit; those beyond are dropped, and their number is logged. Only when
/// the server has ended, its thread waits for the last lines, for as long as `endLimit` says.
///
/// Several servers may share one, such as the shards of a group; give each its own, with metadata that tells which, if lines should say so.
public final class LogObserver: ServerObserver {
    private let outbox: Outbox<LogBatch>
    private let lineLimit: Int
    private let endLimit: Duration

    /// An observer that logs.
    ///
    /// - Parameters:
    ///   - logger: where the lines go; its handler may block, as described above.
    ///   - interval: how long at least from one batch of lines to the next; below zero is zero. The first line after a quiet time is
    ///     logged at once.
    ///   - lineLimit: how many lines may wait for the logger; less than 1 counts as 1.
    ///   - endLimit: how long the server's thread waits for the logger when the server has ended; below zero is zero.
    public init(
        _ logger: Logger,
        every interval: Duration = .seconds(1),
        lineLimit: Int = 1024,
        endLimit: Duration = .seconds(1)
    ) {
        outbox = Outbox("nb-server.log", empty: LogBatch(), interval: interval) { $0.log(to: logger) }
        self.lineLimit = max(1, lineLimit)
        self.endLimit = endLimit
    }

    /// Adds to the batch. Called by the server.
    public func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        guard !events.isEmpty else { return }
        var hasEnded = false
        outbox.put { batch in
            for event in events {
                batch.add(event, counters, limit: lineLimit)
                if case .terminated = event { hasEnded = true }
            }
            return !batch.isEmpty
        }
        if hasEnded { outbox.flush(within: endLimit) }
    }
}
#endif
