/// Why a worker ends, as its connection's slot remembers it until the connection has ended.
///
/// What a worker threw is kept by the ``WorkerRegistry``, since hardly any does. Part of the slot; loop's thread only.
struct CloseCause: Hashable {
    enum Kind: UInt8 {
        case none, closed, frameCut, reset, detached, failed, lost, frameTooLong, queueTooLong, expired, stopped
    }

    private(set) var kind = Kind.none
    /// Of ``Kind/lost``.
    private(set) var errno: Int32 = 0
    /// Of ``Kind/frameCut``.
    private(set) var cutByteCount: Int32 = 0

    /// The first reason counts, unless the connection did not end as it was meant to.
    mutating func note(_ kind: Kind, errno: Int32 = 0) {
        guard self.kind == .none || (self.kind == .closed || self.kind == .detached) && kind != .stopped else { return }
        self.kind = kind
        self.errno = errno
    }

    /// The connection ends with bytes left that its peer sent before it ended its side. Only a close drops them without a word.
    mutating func noteCut(_ byteCount: Int) {
        guard kind == .closed else { return }
        kind = .frameCut
        cutByteCount = Int32(clamping: byteCount)
    }
}

/// A worker whose connection has ended, and that has not been told yet.
///
/// Owned by the ``ConnectionTable`` until the loop tells the worker; loop's thread only.
struct PendingCloseNotice {
    let worker: WorkerAddress
    let cause: CloseCause
    let connection: ConnectionID
    var isMonitored: Bool
    let listener: ListenerKey
    let options: UnsafePointer<WorkerOptions>?
}
