#if Logging
internal import Logging
internal import NBServer

/// An event that is a line of its own, and what the server had counted by then. A value.
struct LogLine {
    let event: ServerEvent
    let counters: ServerCounters

    func log(to logger: Logger) {
        guard let (level, message, metadata) = words else { return }
        logger.log(level: level, message, metadata: metadata)
    }

    private typealias Words = (Logger.Level, Logger.Message, Logger.Metadata)

    private var words: Words? {
        switch event {
        case .began(let addresses, let engine):
            let texts = addresses.map { Logger.MetadataValue.string($0.description) }
            return (.info, "server began", ["nb.addresses": .array(texts), "nb.engine": "\(engine)"])
        case .listenerAdded(let address): return (.info, "listener added", Self.of(address))
        case .listenerPaused(let address): return (.debug, "listener paused", Self.of(address))
        case .listenerResumed(let address): return (.debug, "listener resumed", Self.of(address))
        case .suspended: return (.notice, "messages suspended", [:])
        case .resumed: return (.notice, "messages resumed", [:])
        case .terminated(let reason): return ended(reason)
        case .info(let info): return Self.words(info)
        case .messageUndelivered: return nil
        }
    }

    private func ended(_ reason: StopReason) -> Words {
        let metadata: Logger.Metadata = [
            "nb.reason": "\(reason)", "nb.accepted": "\(counters.accepted)", "nb.delivered": "\(counters.delivered)",
            "nb.discarded": "\(counters.discarded)", "nb.failed": "\(counters.failed)",
        ]
        if case .failed = reason { return (.error, "server ended", metadata) }
        return (.info, "server ended", metadata)
    }

    private static func words(_ info: ServerInfo) -> Words? {
        switch info {
        case .signal(let signal): (.notice, "signal", ["nb.signal": "\(signal)"])
        case .listenerParked(let address, let cause): (.warning, "listener parked", of(address, cause))
        case .listenerShedding(let address, let cause): (.warning, "listener sheds clients", of(address, cause))
        case .listenerRecovered(let address): (.notice, "listener recovered", of(address))
        case .listenerAtLimit(let address, let limit):
            (.notice, "listener at limit", of(address).merging(["nb.limit": "\(limit)"]) { $1 })
        case .listenerBelowLimit(let address): (.info, "listener below limit", of(address))
        case .listenerDown(let address, let cause): (.error, "listener down", of(address, cause))
        case .listenerRemoved(let address): (.info, "listener removed", of(address))
        case .draining(let limit): (.notice, "server drains", ["nb.limit": "\(limit)"])
        case .timeout, .timer, .connectionFailed, .workerEnded, .connectionLost: nil
        }
    }

    private static func of(_ address: SocketAddress, _ cause: ServerError? = nil) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["nb.address": "\(address)"]
        if let cause { metadata["nb.error"] = "\(cause)" }
        return metadata
    }
}
#endif
