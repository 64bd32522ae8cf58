/// What a server has counted since it began, and what is open now.
///
/// Every connection that the kernel accepted was delivered once, or discarded, or waits. So `accepted + adopted == delivered + discarded +
/// waiting`.
public struct ServerCounters: Hashable, Sendable, Codable {
    /// Connections given to `newConnection`, or to the workers that they were adopted for.
    public var delivered: UInt64 = 0
    /// Connections that came by ``Server/adopt(_:)``. They were delivered or discarded like accepted ones.
    public var adopted: UInt64 = 0
    /// Connections that were reset, or told a last word, instead of delivered.
    public var discardedByReason = AdmissionCounts()
    /// Discarded connections that were told a last word; see ``AdmissionLimits/Answer/lastWord(_:)``.
    public var toldLastWord: UInt64 = 0
    /// Connections that were accepted and wait to be delivered: those that came at a limit of ``AdmissionLimits``, and those that no consumer
    /// of ``Arrivals`` has taken. A gauge.
    public var waiting: UInt64 = 0
    /// Connections that have waited at a limit of ``AdmissionLimits``, or wait there now.
    public var waitedByReason = AdmissionCounts()
    /// How often a listener parked: descriptors or memory ran out, or accepts failed otherwise.
    public var parkedByReason = AdmissionCounts()
    /// Connections that have not ended: the behavior's, its workers', kept ones, and those whose last bytes are being sent. A gauge.
    public var open: UInt64 = 0
    /// Connections that ended because `newConnection`, `makeWorker` or a callback of their worker threw.
    public var failed: UInt64 = 0
    /// Connections that were reset because their output could not be sent, or their peers were not heard out, within the limits of
    /// ``ServerOptions``.
    public var expired: UInt64 = 0
    /// Bytes received for workers.
    public var bytesReceived: UInt64 = 0
    /// Bytes that the kernel has taken to send.
    public var bytesSent: UInt64 = 0
    /// Accept operations armed.
    public var armed: UInt64 = 0
    /// Calls and casts that the behavior has handled without an error.
    public var messages: UInt64 = 0
    /// Messages that found the mailbox full. Their senders were told.
    public var refusedMessages: UInt64 = 0
    /// Failed accept operations by the name of the error, such as `EMFILE`. `accept(2)`.
    public var acceptFailuresByError: [String: UInt64] = [:]

    /// Counters at zero.
    public init() {}

    /// Connections that were discarded.
    public var discarded: UInt64 { discardedByReason.total }

    /// Connections that the kernel accepted for the server.
    public var accepted: UInt64 { delivered + discarded + waiting - adopted }

    /// Connections that were delivered or told a last word, and have ended or left the server.
    ///
    /// One that was discarded may be open for a moment longer.
    public var ended: UInt64 {
        let count = delivered + toldLastWord
        return count - min(count, open)
    }

    /// Failed accept operations.
    public var acceptFailures: UInt64 { acceptFailuresByError.values.reduce(0, +) }

    /// Adds the counters of another server.
    public mutating func add(_ other: ServerCounters) {
        for field in Self.fields { self[keyPath: field.path] += other[keyPath: field.path] }
        for field in Self.fieldsByReason { self[keyPath: field.path].add(other[keyPath: field.path]) }
        acceptFailuresByError.merge(other.acceptFailuresByError, uniquingKeysWith: +)
    }
}

extension ServerCounters: CustomStringConvertible {
    /// The counts for a log, without those of 0: `3 accepted, 2 delivered, 1 open, 54 bytes sent, 1 discarded (1 denied)`.
    public var description: String {
        let counts = [("accepted", accepted)] + Self.fields.map { ($0.words, self[keyPath: $0.path]) }
        let failures = acceptFailuresByError.sorted { $0.key < $1.key }.map {
            ("accepts failed with \($0.key)", $0.value)
        }
        let reasons = Self.fieldsByReason.map { field in
            ("\(field.words) (\(self[keyPath: field.path]))", self[keyPath: field.path].total)
        }
        let words = (counts + reasons + failures).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        return words.isEmpty ? "nothing yet" : words.joined(separator: ", ")
    }

    /// Every count that is stored, but those by reason or error, in words.
    private static var fields: [(path: WritableKeyPath<ServerCounters, UInt64>, words: String)] {
        [
            (\.delivered, "delivered"),
            (\.adopted, "adopted"),
            (\.toldLastWord, "told a last word"),
            (\.waiting, "waiting"),
            (\.open, "open"),
            (\.failed, "failed"),
            (\.expired, "expired"),
            (\.bytesReceived, "bytes received"),
            (\.bytesSent, "bytes sent"),
            (\.armed, "accepts armed"),
            (\.messages, "messages"),
            (\.refusedMessages, "messages refused"),
        ]
    }

    private static var fieldsByReason: [(path: WritableKeyPath<ServerCounters, AdmissionCounts>, words: String)] {
        [
            (\.discardedByReason, "discarded"),
            (\.waitedByReason, "waited at a limit"),
            (\.parkedByReason, "times parked"),
        ]
    }
}
