#if Logging
internal import Logging
internal import NBServer

/// Lines to be logged. Events of connections are only counted, so that a batch is small however many there are. A value.
struct LogBatch {
    private var lines: [LogLine] = []
    private var droppedLines = 0
    private var failedConnections = 0
    private var lastFailure: (any Error)?
    private var lostConnections = 0
    private var undeliveredMessages = 0

    var isEmpty: Bool {
        lines.isEmpty && droppedLines == 0 && failedConnections == 0 && lostConnections == 0 && undeliveredMessages == 0
    }

    /// Adds what is worth a line, unless as many wait; the end of the server is always added.
    mutating func add(_ event: ServerEvent, _ counters: ServerCounters, limit: Int) {
        switch event {
        case .info(.connectionFailed(_, let error)):
            failedConnections += 1
            lastFailure = error
        case .info(.connectionLost): lostConnections += 1
        case .messageUndelivered: undeliveredMessages += 1
        case .info(.timeout), .info(.timer), .info(.workerEnded): break
        case .terminated: lines.append(LogLine(event: event, counters: counters))
        default:
            if lines.count < limit {
                lines.append(LogLine(event: event, counters: counters))
            } else {
                droppedLines += 1
            }
        }
    }

    /// Logs all of it.
    func log(to logger: Logger) {
        if failedConnections > 0 {
            let error: Logger.MetadataValue = lastFailure.map { "\($0)" } ?? ""
            logger.warning("connections failed", metadata: ["nb.count": "\(failedConnections)", "nb.error": error])
        }
        if lostConnections > 0 {
            logger.debug("kept connections lost", metadata: ["nb.count": "\(lostConnections)"])
        }
        if undeliveredMessages > 0 {
            logger.debug("messages to ended workers", metadata: ["nb.count": "\(undeliveredMessages)"])
        }
        if droppedLines > 0 { logger.warning("log lines dropped", metadata: ["nb.count": "\(droppedLines)"]) }
        for line in lines { line.log(to: logger) }
    }
}
#endif
