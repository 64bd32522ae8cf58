/// What a server has counted since it began, and what is open now.
///
/// Every connection that the kernel accepted was delivered once, or discarded, or waits. So `accepted + adopted == delivered + discarded +
/// waiting`.
public struct ServerCounters: Hashable, Sendable, Codable {
    /// Connections given to `newConnection`, or to the workers that they were adopted for.
    public var delivered: UInt64 = 0
    /// Connections that came by ``Server/adopt(_:)``. They were delivered or discarded like accepted ones.
    public var adopted: UInt64 = 0
    /// Connections that were reset, or told a last word, instead of delivered: because the server was stopping, to shed them, at a limit,
    /// by a rule, or because their peers were gone.
    public var discarded: UInt64 = 0
    /// Discarded connections that were shed; see ``ServerOptions/Exhaustion/shed``.
    public var shed: UInt64 = 0
    /// Discarded connections that came at a limit of ``AdmissionLimits`` at which clients do not wait.
    public var overLimit: UInt64 = 0
    /// Discarded connections whose source had reached a limit of ``AdmissionLimits/perSource``.
    public var overSourceLimit: UInt64 = 0
    /// Discarded connections whose source is denied by ``SourceRules``.
    public var denied: UInt64 = 0
    /// Discarded connections that their peers had reset before the server could ask for their addresses, which rules and limits by source
    /// need.
    public var gone: UInt64 = 0
    /// Discarded connections that were told a last word; see ``AdmissionLimits/Answer/lastWord(_:)``.
    public var toldLastWord: UInt64 = 0
    /// Connections that were accepted and wait to be delivered, because they came at a limit of ``AdmissionLimits``. A gauge.
    public var waiting: UInt64 = 0
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
        acceptFailuresByError.merge(other.acceptFailuresByError, uniquingKeysWith: +)
    }
}

extension ServerCounters: CustomStringConvertible {
    /// The counts for a log, without those of 0: `3 accepted, 3 delivered, 1 open, 54 bytes sent`.
    public var description: String {
        let counts = [("accepted", accepted)] + Self.fields.map { ($0.words, self[keyPath: $0.path]) }
        let failures = acceptFailuresByError.sorted { $0.key < $1.key }.map {
            ("accepts failed with \($0.key)", $0.value)
        }
        let words = (counts + failures).filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
        return words.isEmpty ? "nothing yet" : words.joined(separator: ", ")
    }

    /// Every count that is stored, but those by error, in words.
    private static var fields: [(path: WritableKeyPath<ServerCounters, UInt64>, words: String)] {
        [
            (\.delivered, "delivered"),
            (\.adopted, "adopted"),
            (\.discarded, "discarded"),
            (\.shed, "shed"),
            (\.overLimit, "over a limit"),
            (\.overSourceLimit, "over a source's limit"),
            (\.denied, "denied"),
            (\.gone, "gone"),
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
}
