/// What a worker has asked to receive, and what is under way for it.
///
/// A worker that always wants what comes is given none while its peer does not take what was sent; and none is, while it awaits
/// something: they rest.
///
/// ```
///  passive ── asked ──▶ asked ── submitted ──▶ armed ── bytes, given to the worker ──▶ passive, or asked for more
///                                              ├── no buffer left ──▶ starved ── one is returned ──▶ asked
///                                              └── the stream ends ──▶ ended
/// ```
///
/// Part of a connection's slot; loop's thread only.
struct Receiving {
    /// How many deliveries the worker wants; below zero for all there are.
    var credit: Int32 = 0
    /// How many bytes it wants to have at once; 0 for a frame.
    var wanted: Int32 = 0
    var framing = WorkerOptions.Framing.raw
    /// How many of the bytes that are kept are known to hold no line's end.
    var searched: Int32 = 0
    /// How many bytes of an unfinished frame were left when the worker was told of the end.
    var cutByteCount: Int32 = 0

    /// The receive in the kernel goes on completing.
    var isMultishot = false
    /// It is to end.
    var isCancelled = false
    /// The peer will send no more.
    var hasEnded = false
    /// The worker knows that.
    var hasToldEnd = false
    /// The worker has just got the connection.
    var isNew = false
    /// When its last delivery returned, the worker had asked for more already. It is taken to do so every time, and gets one
    /// receive that goes on instead of one for each delivery.
    var isSteady = false
    /// It came while the server drained, and is asked to come to an end when it has had its first delivery: at once would
    /// be before its client was served.
    var isToFinish = false
    /// What was received and not delivered is to be looked at again.
    var isReady = false

    /// There is no worker any more; what is in the kernel still ends as it does.
    mutating func forgetWorker() {
        var rest = Receiving()
        rest.isMultishot = isMultishot
        rest.isCancelled = isCancelled
        self = rest
    }

    mutating func ask(_ mode: WorkerOptions.ReceiveMode) {
        wanted = 0
        switch mode {
        case .once: credit = 1
        case .continuous: credit = -1
        case .count(let count): credit = Int32(clamping: max(0, count))
        case .manual: credit = 0
        }
    }
}
