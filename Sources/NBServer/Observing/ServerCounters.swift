/// What a server has counted since it began, and what it has open now. A value, which can be coded.
///
/// Every connection that the kernel accepted for the server was given to `newConnection` once, or reset, unless it still waits: never both,
/// never neither.
public struct ServerCounters: Hashable, Sendable, Codable {
    /// Connections given to `newConnection`, or to the workers that they were adopted for.
    public var delivered: UInt64 = 0
    /// Connections that came from elsewhere, and were delivered or reset like those that were accepted; see ``Server/adopt(_:)``.
    public var adopted: UInt64 = 0
    /// Connections reset, or told a last word, without being delivered: because the server was stopping, to shed them, at a limit, by a
    /// rule, or because their peers were gone.
    public var discarded: UInt64 = 0
    /// How many of those discarded were shed; see ``ServerOptions/Exhaustion/shed``.
    public var shed: UInt64 = 0
    /// How many of those discarded came at a limit of ``AdmissionLimits`` at which none waits.
    public var overLimit: UInt64 = 0
    /// How many of those discarded came from a source that has reached a limit of ``AdmissionLimits/perSource``.
    public var overSourceLimit: UInt64 = 0
    /// How many of those discarded came from a source that ``SourceRules`` deny.
    public var denied: UInt64 = 0
    /// How many of those discarded had been reset by their peers before their addresses could be asked, which rules and limits by source need.
    public var gone: UInt64 = 0
    /// How many of those discarded were told a last word; see ``AdmissionLimits/Answer/lastWord(_:)``.
    public var toldLastWord: UInt64 = 0
    /// Connections accepted that wait to be delivered, because they came at a limit of ``AdmissionLimits``; as many as there are now.
    public var waiting: UInt64 = 0
    /// Connections that have not ended: the behavior's, its workers', those that the server keeps, and those whose last bytes are being sent;
    /// as many as there are now.
    public var open: UInt64 = 0
    /// Connections that ended because `newConnection`, `makeWorker` or a callback of their worker threw.
    public var failed: UInt64 = 0
    /// Connections reset because their output could not be sent, or their peer not heard out, within the limits of
    /// ``ServerOptions``.
    public var expired: UInt64 = 0
    /// Bytes that were received for workers.
    public var bytesReceived: UInt64 = 0
    /// Bytes that the kernel has taken to send.
    public var bytesSent: UInt64 = 0
    /// Accept operations armed.
    public var armed: UInt64 = 0
    /// Calls and casts that the behavior has handled without an error.
    public var messages: UInt64 = 0
    /// Messages that found the mailbox full, and whose senders were told.
    public var refusedMessages: UInt64 = 0
    /// Accept operations that failed, by the name of the error, such as `EMFILE`; `accept(2)`.
    public var acceptFailuresByError: [String: UInt64] = [:]

    /// Nothing.
    public init() {}

    /// Connections that the kernel accepted for the server.
    public var accepted: UInt64 { delivered + discarded + waiting - adopted }

    /// Connections that were delivered or told a last word, and have ended or left.
    ///
    /// One that was discarded may be open for a moment longer.
    public var ended: UInt64 {
        let count = delivered + toldLastWord
        return count - min(count, open)
    }

    /// Accept operations that failed.
    public var acceptFailures: UInt64 { acceptFailuresByError.values.reduce(0, +) }

    /// Adds what another server has counted.
    public mutating func add(_ other: ServerCounters) {
        for field in Self.fields { self[keyPath: field.path] += other[keyPath: field.path] }
        acceptFailuresByError.merge(other.acceptFailuresByError, uniquingKeysWith: +)
    }
}

extension ServerCounters: CustomStringConvertible {
    /// The counts for a log, those of 0 left out: `3 accepted, 3 delivered, 1 open, 54 bytes sent`.
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
