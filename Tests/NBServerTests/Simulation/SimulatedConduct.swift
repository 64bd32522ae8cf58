import NBEngine

@testable import NBServer

/// What one worker has asked for, what it was given, and what it is owed: a model of the library as a worker sees it.
///
/// ```
///  assigned ── connected ──▶ in use ── it closes, resets, releases, throws ──▶ ending ── closed ──▶ over
///                               └── the network, or a limit, ends it ──▶ closed ──▶ over
/// ```
final class SimulatedConduct {
    /// What ended its connection first, as far as the worker can know.
    enum End: Equatable {
        case none, closed, reset, detached, queueTooLong
        /// It threw the error of this number.
        case failed(Int)
    }

    let number: Int
    let socket: SimulatedSocket
    let role: Int
    let options: WorkerOptions
    private let violate: (String) -> Void

    /// Its connection's name.
    var connection = ConnectionID(server: 0, slot: 0, number: 0)
    private(set) var isConnected = false
    private(set) var end = End.none
    private(set) var isOver = false
    /// Somebody was given its connection.
    var isHandedOut = false

    // What it has asked for, and when something happened last.
    private(set) var framing: WorkerOptions.Framing
    private(set) var wanted = 0
    private(set) var credit = 0
    // Its own account of them: the library's would be wrong wherever the library is.
    private var lastBytes: Instant
    private var lastSent: Instant
    /// When the kernel last took what was sent at once.
    var lastTakenAtOnce = Instant(nanoseconds: 0)
    private var lastAnswered: Instant
    private var lastTimeouts: [TimeLimit: Instant] = [:]

    /// What the client had said, the last times that the library asked for it.
    private var looks: [(said: Int, hasEnded: Bool, isAwaited: Bool, time: Instant)] = []

    var isEndSeen: Bool { socket.isEndSeen }
    private(set) var isEndTold = false
    private(set) var isCongested = false
    /// How many runs of its are under way.
    private(set) var runCount = 0
    /// Whether it ever had one: wishes that it finish are one when it has ended.
    private var hasRun = false
    /// The behavior is to be told of its end, and how often it is to be told that it had ended before.
    private(set) var isWatched = false
    private(set) var lateWatches = 0
    /// What it was told of its end.
    private(set) var reason: String?
    /// Messages that were sent to it and have not come, in their order; and how often it was asked to finish.
    private(set) var messages: [Int] = []
    private(set) var finishes = 0

    init(
        _ number: Int,
        _ socket: SimulatedSocket,
        role: Int,
        _ options: WorkerOptions,
        at now: Instant,
        _ violate: @escaping (String) -> Void
    ) {
        self.number = number
        self.socket = socket
        self.role = role
        self.options = options
        self.violate = violate
        framing = options.framing
        lastBytes = now
        lastSent = now
        lastAnswered = now
        ask(options.receiving)
    }

    /// It is given nothing for now, though it has asked.
    var rests: Bool { runCount >= options.runLimit || isCongested && credit < 0 }

    /// It has not ended, as far as it knows.
    var isLive: Bool { end == .none && !isOver }
}

// What it does.
extension SimulatedConduct {
    func noteAsked(_ mode: WorkerOptions.ReceiveMode, exactly count: Int = 0, at now: Instant) {
        guard isLive else { return }
        // One that wants everything goes on wanting it.
        if count == 0 || credit >= 0 { ask(mode) }
        wanted = count
        lastAnswered = now
    }

    func noteRun() {
        runCount += 1
        hasRun = true
    }

    func noteWatched() {
        if isOver { lateWatches += 1 } else { isWatched = true }
    }

    private func ask(_ mode: WorkerOptions.ReceiveMode) {
        wanted = 0
        credit =
            switch mode {
            case .once: 1
            case .continuous: -1
            case .count(let count): max(0, count)
            case .manual: 0
            }
    }

    func noteFraming(_ framing: WorkerOptions.Framing) {
        self.framing = framing
    }

    /// It has sent something; with what was unsent before and is now, and what the library said of it.
    func noteSent(_ bytes: [UInt8], unsent: (before: Int, after: Int), isWritable: Bool, at now: Instant) {
        guard isLive else { return }
        if unsent.before == 0 { lastSent = now }
        if !socket.isToEndOutput { socket.sent += bytes }
        let queued = socket.isToEndOutput ? 0 : bytes.count
        // What no queue may hold is not queued to its end.
        if unsent.after != unsent.before + queued && unsent.after <= options.sendQueueLimit {
            violate("worker \(number) has \(unsent.after) bytes unsent")
        }
        if isWritable != (unsent.after <= options.sendHighWater && !socket.isToEndOutput) {
            violate("worker \(number) is told \(isWritable) of the room for what it sends")
        }
        guard unsent.after > options.sendHighWater else { return }
        isCongested = true
        if unsent.after > options.sendQueueLimit { end = .queueTooLong }
    }

    func noteEnd(_ end: End) {
        if isLive { self.end = end }
    }

    func noteMessage(_ message: Int) { messages.append(message) }

    func noteFinish() { finishes += 1 }
}

// What the server has seen of its connection.
extension SimulatedConduct {
    func noteSeen(at now: Instant) { lastBytes = now }

    func noteSent(_ result: Int32, at now: Instant) {
        if result > 0 { lastSent = now }
    }
}

// What it is told.
extension SimulatedConduct {
    /// Any callback but the first and the last.
    func noteCallback(_ name: String) {
        if !isConnected { violate("worker \(number) hears \(name) before it is connected") }
        if !isLive { violate("worker \(number) hears \(name) after its end: \(end)") }
    }

    func noteConnected() {
        if isConnected || !isLive { violate("worker \(number) is connected twice, or after its end") }
        isConnected = true
    }

    /// Bytes, which must be the next ones, cut where they should be.
    func noteReceived(_ bytes: Span<UInt8>, at now: Instant) {
        noteCallback("received")
        lastAnswered = now
        if credit == 0 { violate("worker \(number) is given something, and has not asked") }
        if rests { violate("worker \(number) is given something while it rests") }
        let start = socket.deliveredCount
        switch nextCut {
        case .frame(let frame, let next):
            // Raw bytes come as they arrive; not all that have arrived have been looked at.
            let isRaw = framing == .raw && wanted == 0
            let content = socket.said[
                start + frame.lowerBound..<start + (isRaw ? min(bytes.count, next) : frame.upperBound)
            ]
            if !bytes.withUnsafeBytes({ $0.elementsEqual(content) }) {
                violate("worker \(number) is given \(bytes.count) bytes that are not the \(content.count) it should be")
            }
            socket.deliveredCount += isRaw ? bytes.count : next
        case .incomplete, .tooLong:
            violate("worker \(number) is given \(bytes.count) bytes, and there is no frame")
        }
        if credit > 0 { credit -= 1 }
        wanted = 0
    }

    /// So many bytes of an unfinished frame are said to be left.
    func notePeerClosed(cut byteCount: Int) {
        noteCallback("inputEnded")
        if isEndTold || !isEndSeen || credit == 0 || rests {
            violate("worker \(number) is told of the end twice, too early, or without having asked")
        }
        if case .frame = nextCut { violate("worker \(number) is told of the end before what came before it") }
        if byteCount != undeliveredCount {
            violate("worker \(number) is told of \(byteCount) bytes of a cut frame, and \(undeliveredCount) are left")
        }
        isEndTold = true
    }

    /// By chance, and the same for all of its type.
    var isDeafToSends: Bool { options.sendHighWater.isMultiple(of: 2) }

    func noteSentAll(unsent: Int) {
        noteCallback("sent")
        if unsent > 0 { violate("worker \(number) is told that all is sent, but for \(unsent) bytes") }
    }

    func noteWritable(unsent: Int, at now: Instant) {
        noteCallback("writable")
        if !isCongested || unsent > options.sendLowWater { violate("worker \(number) is told that there is room") }
        if rests { lastAnswered = now }
        isCongested = false
    }

    /// What it awaited has come, as the message before.
    func noteRunEnded(at now: Instant) {
        if rests { lastAnswered = now }
        runCount -= 1
    }

    /// The behavior is told of its end.
    func noteWatchEnded(_ reason: String) {
        if isWatched && reason == self.reason {
            isWatched = false
        } else if lateWatches > 0 && reason == "\(CloseReason.unknown)" {
            lateWatches -= 1
        } else {
            violate("the behavior is told that worker \(number) has ended: \(reason)")
        }
    }

    /// Whether the behavior has yet to be told of its end.
    var isWatchOwed: Bool { isOver && (isWatched || lateWatches > 0) }

    func noteTimeout(_ limit: TimeLimit, unsent: Int, at now: Instant) {
        noteCallback("timeout")
        let end = limitEnd(limit, unsent: unsent)
        if end.map({ $0 > now }) ?? true { violate("worker \(number): the \(limit) limit has not passed") }
        if let end, limit != .send, credit != 0, !isEndSeen, !rests { checkHearing(limit, since: end, at: now) }
        lastTimeouts[limit] = now
    }

    /// Before a limit ends anything its client was asked about, and what it had said by then was received.
    private func checkHearing(_ limit: TimeLimit, since end: Instant, at now: Instant) {
        guard let look = looks.first(where: { $0.time >= end }) else {
            return violate("worker \(number): the \(limit) limit passes, and nobody has asked its client")
        }
        if isWaited(for: look, within: inputLimits.min(), at: now) {
            violate("worker \(number): the \(limit) limit passes, and its client is not heard out")
        }
    }

    private var inputLimits: [Duration] { [options.receiveTimeLimit, options.idleTimeLimit].compactMap(\.self) }

    /// The library has asked what its client has said.
    func noteLook(said: Int, hasEnded: Bool, at now: Instant) {
        if looks.count == 16 { looks.removeFirst() }
        looks.append((said, hasEnded, credit != 0 && !isEndSeen && !rests, now))
    }

    /// A limit, perhaps the longer one, waits for what its client had said when it passed.
    func isHearing(at now: Instant) -> Bool {
        looks.contains { isWaited(for: $0, within: inputLimits.max(), at: now) }
    }

    private func isWaited(
        for look: (said: Int, hasEnded: Bool, isAwaited: Bool, time: Instant),
        within limit: Duration?,
        at now: Instant
    ) -> Bool {
        guard look.isAwaited, let limit, look.time + limit > now else { return false }
        return socket.seenCount < look.said || look.hasEnded && !isEndSeen
    }

    func noteMessageCame(_ message: Int) {
        noteCallback("message \(message)")
        guard messages.first == message else { return violate("worker \(number) got message \(message) out of turn") }
        messages.removeFirst()
    }

    /// Somebody wants it to finish, or the server drains.
    func noteFinishCame(drains: Bool) {
        noteCallback("finish")
        if runCount > 0 { violate("worker \(number) is to finish while it awaits something") }
        if finishes > 0 {
            finishes -= 1
        } else if !drains {
            violate("worker \(number) is to finish, and nobody has asked")
        }
    }

    func noteClosed(_ reason: CloseReason) {
        if isOver { violate("worker \(number) is told twice that it is closed") }
        isOver = true
        self.reason = "\(reason)"
    }
}

// What it is owed.
extension SimulatedConduct {
    /// What it is to be given next, of what the server has.
    var nextCut: SimulatedCut {
        let rest = socket.said[socket.deliveredCount..<socket.seenCount]
        if wanted > 0 { return rest.count < wanted ? .incomplete : .frame(0..<wanted, next: wanted) }
        if isAtUnterminatedLine { return SimulatedCut(unterminatedLine: rest, limit: options.frameLimit) }
        return SimulatedCut(rest, framing, limit: options.frameLimit)
    }

    /// What comes next is a line that its client has not ended, and that is delivered all the same.
    var isAtUnterminatedLine: Bool {
        let rest = socket.said[socket.deliveredCount..<socket.seenCount]
        return isEndSeen && wanted == 0 && framing == .line && options.deliversUnterminatedLine && !rest.isEmpty
            && !rest.contains(UInt8(ascii: "\n"))
    }

    /// How many bytes the server has received for it and not delivered.
    var undeliveredCount: Int { socket.seenCount - socket.deliveredCount }

    /// How many bytes its end has to tell of, if it closed its connection: those that its peer left when it ended its side.
    var cutByteCount: Int { isEndTold ? undeliveredCount : 0 }

    /// When a time limit ends, if it runs. What is sent at once is sent at some time between when it was submitted and when the kernel took it,
    /// which may be later if the kernel is short of memory: then the loop may have looked meanwhile, and started the limits again.
    func limitEnd(_ limit: TimeLimit, unsent: Int, atTheLatest: Bool = false) -> Instant? {
        let lastSent = atTheLatest ? max(lastSent, lastTakenAtOnce) : lastSent
        let (duration, since): (Duration?, Instant) =
            switch limit {
            case .send:
                (unsent == 0 ? nil : options.sendTimeLimit, unsent == 0 ? lastSent : max(lastSent, socket.lastProgress))
            case .receive: (credit == 0 || isEndSeen || rests ? nil : options.receiveTimeLimit, lastAnswered)
            case .idle:
                (options.idleTimeLimit, max(lastBytes, unsent == 0 ? lastSent : max(lastSent, socket.lastProgress)))
            }
        // A limit that has passed starts again, and leaves the others as they are.
        return duration.map { max(since, lastTimeouts[limit] ?? since) + $0 }
    }

    /// At a wait in which nothing is left to do.
    func checkRest(unsent: Int, hasStopped: Bool, isSendRetried: Bool, retriesSoon: Bool, hasBuffers: Bool) {
        if !isConnected { violate("worker \(number) has a connection and was not told") }
        if isCongested && unsent <= options.sendLowWater { violate("worker \(number) is not told that there is room") }
        if unsent > 0 && socket.send == nil && !isSendRetried {
            violate("\(unsent) bytes of worker \(number) are not being sent")
        }
        if !hasStopped && !messages.isEmpty { violate("worker \(number) was sent messages that do not come") }
        if !hasStopped && finishes > 0 && !hasRun { violate("worker \(number) is not asked to finish") }
        checkInput(maySleep: retriesSoon && (socket.isReceiveRefused || !hasBuffers))
    }

    private func checkInput(maySleep: Bool) {
        guard credit != 0 else {
            if let receive = socket.receive, receive.isMultishot, !receive.isCancelled {
                violate("worker \(number) receives again and again, and has not asked")
            }
            return
        }
        guard !rests else { return checkInputAtRest(maySleep: maySleep) }
        switch nextCut {
        case .frame: violate("worker \(number) is not given what has arrived")
        case .tooLong: violate("worker \(number) lives on with a frame that is too long")
        case .incomplete where isEndSeen:
            // An owner before the worker may have seen the end.
            if !isEndTold && !maySleep { violate("worker \(number) is not told of the end") }
        case .incomplete:
            if socket.receive == nil && !maySleep {
                violate("worker \(number) waits for bytes, and nothing receives them")
            }
        }
    }

    /// One that rests has a receive in the kernel that notices its client's end, until it holds bytes.
    private func checkInputAtRest(maySleep: Bool) {
        guard !isEndSeen else { return }
        if undeliveredCount == 0 && socket.receive == nil && !maySleep {
            violate("worker \(number) rests, and nothing notices that its client leaves")
        }
        if undeliveredCount > 0, let receive = socket.receive, receive.isMultishot, !receive.isCancelled {
            violate("worker \(number) rests, and receives again and again")
        }
    }
}
