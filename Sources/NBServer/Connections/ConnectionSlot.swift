internal import NBEngine

/// What the loop knows of one connection: the memory of what ``ConnectionState`` decides about.
///
/// Owned by the ``ConnectionTable``, at an address that never changes, since the kernel reads the bytes to send from it.
/// Loop's thread only.
struct ConnectionSlot {
    static let inlineCapacity = 64

    /// How many bytes one send may carry: so few that it does not take 128 tries, after which the kernel gives a send to a
    /// worker thread of its own, to block in it. The kernel tries again when a good part of the socket's buffer is free, so
    /// that each try takes many bytes.
    static let sendLimit = 64 << 10

    /// How many blocks one send may take its bytes from.
    static let sendPartLimit = 16

    // First, so that its address is the slot's.
    /// The first bytes to send, when they are few; later ones are in blocks.
    var inlineBytes: [64 of UInt8] = .init(repeating: 0)
    var inlineStart: UInt8 = 0
    var inlineEnd: UInt8 = 0

    // Five that are reset together, next to each other so that it takes two stores.
    var state = ConnectionState()
    /// Bytes were sent before the last ones, here or by the owner before. Also set if the last bytes fell short or are more than 512. Then some
    /// may still be unsent at the close.
    var mayBeBehind = false
    /// It is to end its output when everything is sent.
    var finishesOutput = false
    var hasFinishedOutput = false
    /// It is TCP and nothing else, as all that is accepted is; what comes from elsewhere need not be.
    var isPlainTCP = true

    var isKept = false
    /// While it is kept, the end of its peer is looked for.
    var isWatched = false
    var isDue = false
    /// The behavior is to be told of its worker's end.
    var isMonitored = false
    /// More was queued than the worker's high water mark, and it has not heard that there is room again.
    var isCongested = false

    /// Its sends complete in any case, because its worker hears of them, or because the peer has been behind.
    var awaitsSends = false
    /// A send was submitted that completes only if it falls short.
    var isSentAtOnce = false

    // From here on in an order that leaves no gaps: a page of memory holds sixteen, and one that stays costs the kernel less.
    var descriptor: Int32 = -1
    /// Its index in the table, and which connection it is there: a token of kind 0.
    var token: Token
    /// The listener it came by.
    var listener = ListenerKey.none
    /// The account that it is on, if it counts against limits.
    var account: UnsafeMutablePointer<ListenerAccount>?
    /// The number under which it is or was kept, or 0.
    var number: UInt64 = 0
    /// Its server's number.
    let server: UInt32

    /// Its worker, if it has one.
    var worker = WorkerAddress.none
    /// How many of its worker's runs are under way.
    var runCount: Int32 = 0
    /// What its worker's options are; `nil` until it has had a worker.
    var workerOptions: UnsafePointer<WorkerOptions>?
    /// What its worker asked for, and what has come of it.
    var receiving = Receiving()
    /// Why its worker ends.
    var closeCause = CloseCause()
    /// Bytes that were received and not delivered yet.
    var input: UnsafeMutablePointer<ByteBlock>?

    /// Since when its time limits run; `nil` if it has had none.
    var clocks: UnsafeMutablePointer<LimitClocks>?
    /// Its place among those with a time limit, or -1.
    var heapIndex: Int32 = -1
    /// The place of its source, if that is counted.
    var source: Int32 = -1

    var firstBlock: UnsafeMutablePointer<ByteBlock>?
    var lastBlock: UnsafeMutablePointer<ByteBlock>?
    /// Where the bytes of a send that is in flight are, if they are in several blocks.
    var sendDescription: UnsafeMutablePointer<ByteBlock>?
    /// How many bytes wait in blocks.
    var blockByteCount = 0

    /// The next free slot, or the next due one.
    var next: UnsafeMutablePointer<ConnectionSlot>?

    var phase: ConnectionState.Phase { state.phase }

    /// It was dropped or given away, and waits for its peer.
    var isEnding: Bool {
        switch phase {
        case .closing, .lingering, .draining, .detaching: true
        case .free, .open, .resetting, .outlived: false
        }
    }

    /// It was accepted here, and nothing was asked of it since.
    var isUnused: Bool { phase == .open && !isDue && !mayBeBehind && number == 0 && state.inFlight.isEmpty }

    var isSending: Bool { state.inFlight.contains(.send) }
    var isReceiving: Bool { state.inFlight.contains(.receive) }

    /// Whether a slot lies in memory as its code relies on; looked at in debug builds, where slots are made. ``append(_:_:)`` and
    /// ``nextBytes`` take the slot's address for that of the inline bytes, and the kernel reads there.
    static var isLaidOutAsExpected: Bool {
        let flags: [PartialKeyPath<Self>] = [\.mayBeBehind, \.finishesOutput, \.hasFinishedOutput, \.isPlainTCP]
        let offsets = flags.map { MemoryLayout<Self>.offset(of: $0) ?? -1 }
        let end = (MemoryLayout<Self>.offset(of: \.state) ?? -1) + MemoryLayout<ConnectionState>.size
        return MemoryLayout<Self>.offset(of: \.inlineBytes) == 0
            && MemoryLayout.size(ofValue: Self(index: 0, server: 0).inlineBytes) == inlineCapacity
            && offsets == Array(end..<end + flags.count)
    }

    var hasDeadline: Bool { heapIndex >= 0 }
    var hasWorker: Bool { worker.table != 0 }

    // Inlined, so that a slot is made where it stays.
    @inline(__always)
    init(index: UInt32, server: UInt32) {
        token = Token(kind: 0, slot: index)
        self.server = server
    }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// The token of an operation on this connection.
    func token(_ kind: TokenKind) -> Token {
        Token(rawValue: pointee.token.rawValue | UInt64(kind.rawValue) << 56)
    }

    /// The connection's name, once it is kept or has a worker.
    var id: ConnectionID {
        ConnectionID(server: pointee.server, slot: pointee.token.slot, number: pointee.number)
    }

    /// The options of its worker; it must have had one.
    @inline(__always)
    var workerOptions: UnsafePointer<WorkerOptions> { pointee.workerOptions.unsafelyUnwrapped }

    /// Whether its worker is given nothing for now, though it asked: it awaits something, or more waits to be sent than it likes.
    @inline(__always)
    var isResting: Bool {
        pointee.runCount > 0 && pointee.runCount >= workerOptions.pointee.runLimit
            || pointee.isCongested && pointee.receiving.credit < 0
    }

    /// Notes that its worker is to come to an end. Returns whether the worker is asked now, and not when it awaits nothing any more.
    func noteFinish() -> Bool {
        pointee.receiving.isToFinish = pointee.runCount > 0
        return !pointee.receiving.isToFinish
    }

    /// Whether nothing is kept for a worker that rests. Then a receive stays in the kernel, so that a peer that is gone is noticed.
    var restsWithoutInput: Bool {
        isResting && pointee.receiving.credit != 0 && !pointee.receiving.hasEnded && pointee.input == nil
    }

    /// Whether its worker is to be given what comes, and more comes.
    @inline(__always)
    var wantsInput: Bool { pointee.receiving.credit != 0 && !pointee.receiving.hasEnded && !isResting }
}

extension UnsafeMutablePointer<ConnectionSlot> {
    /// What holds before and after every completion; looked at in debug builds.
    func assertSound() {
        assert(isSound, "a connection in phase \(pointee.phase) is not what its phase says")
    }

    private var isSound: Bool {
        let inFlight = pointee.state.inFlight
        if pointee.isKept && pointee.phase != .open || pointee.hasDeadline && pointee.clocks == nil { return false }
        if !pointee.isSending && (pointee.isSentAtOnce || pointee.sendDescription != nil) { return false }
        return switch pointee.phase {
        case .free: inFlight.isEmpty && !pointee.isDue && !pointee.hasDeadline && hasNothingToSend
        case .open, .closing, .detaching: !inFlight.contains(.discard) && pointee.descriptor >= 0
        // A discard that was refused is tried again before the deadline.
        case .lingering, .draining: inFlight == .discard || inFlight.isEmpty && pointee.hasDeadline
        case .resetting, .outlived: pointee.isDue || pointee.state.isDisconnected
        }
    }
}

// The queue of bytes to send.
extension UnsafeMutablePointer<ConnectionSlot> {
    var hasNothingToSend: Bool {
        pointee.inlineStart == pointee.inlineEnd && pointee.firstBlock == nil
    }

    /// It is in use, has nothing to send and its output goes on: no send that ends leaves it anything to do.
    @inline(__always)
    var hasSentAll: Bool { pointee.phase == .open && hasNothingToSend && !pointee.finishesOutput }

    var unsentByteCount: Int {
        Int(pointee.inlineEnd - pointee.inlineStart) + pointee.blockByteCount
    }

    /// What is left to send.
    @inline(__always)
    var unsent: ConnectionState.Unsent {
        if hasNothingToSend { return .nothing }
        return unsentByteCount <= ConnectionSlot.sendLimit ? .few : .many
    }

    @inline(__always)
    func append(_ bytes: UnsafeRawBufferPointer, _ pool: inout ByteBlockPool) {
        guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
        let inlineEnd = Int(pointee.inlineEnd)
        if pointee.firstBlock == nil, bytes.count <= ConnectionSlot.inlineCapacity - inlineEnd {
            UnsafeMutableRawPointer(self).advanced(by: inlineEnd).copyMemory(from: source, byteCount: bytes.count)
            pointee.inlineEnd = UInt8(truncatingIfNeeded: inlineEnd &+ bytes.count)
        } else {
            appendToBlocks(source, bytes.count, &pool)
        }
    }

    @inline(never)
    private func appendToBlocks(_ source: UnsafeRawPointer, _ count: Int, _ pool: inout ByteBlockPool) {
        let block = blockWithRoom(for: count, &pool)
        (block.bytes + block.pointee.end).copyMemory(from: source, byteCount: count)
        block.pointee.end += count
        pointee.blockByteCount += count
    }

    /// Adds a block that is filled already.
    func append(_ block: UnsafeMutablePointer<ByteBlock>) {
        if let last = pointee.lastBlock { last.pointee.next = block } else { pointee.firstBlock = block }
        pointee.lastBlock = block
        pointee.blockByteCount += block.pointee.end
    }

    private func blockWithRoom(for count: Int, _ pool: inout ByteBlockPool) -> UnsafeMutablePointer<ByteBlock> {
        if let last = pointee.lastBlock, last.pointee.capacity - last.pointee.end >= count { return last }
        let block = pool.take(count)
        if let last = pointee.lastBlock { last.pointee.next = block } else { pointee.firstBlock = block }
        pointee.lastBlock = block
        return block
    }

    /// The bytes to send next, of which there are some: as many as one send may carry, from one place or from several blocks.
    @inline(__always)
    func bytesToSend(_ pool: inout ByteBlockPool) -> Operation.Bytes {
        hasScatteredBytes ? gatherBytes(&pool) : nextBytes
    }

    /// Whether the bytes to send next are in several blocks.
    private var hasScatteredBytes: Bool {
        pointee.inlineStart == pointee.inlineEnd && pointee.firstBlock?.pointee.next != nil
    }

    /// As many bytes to send next as one send may carry, out of several blocks; where they are is written down in a block of its
    /// own until they are sent.
    private func gatherBytes(_ pool: inout ByteBlockPool) -> Operation.Bytes {
        let description = pool.take(Operation.Bytes.memoryNeeded(for: ConnectionSlot.sendPartLimit))
        pointee.sendDescription = description
        return withUnsafeTemporaryAllocation(
            of: UnsafeRawBufferPointer.self,
            capacity: ConnectionSlot.sendPartLimit
        ) { parts in
            var (partCount, room) = (0, ConnectionSlot.sendLimit)
            var next = pointee.firstBlock
            while let block = next, partCount < parts.count, room > 0 {
                let count = min(block.pointee.end - block.pointee.start, room)
                parts[partCount] = UnsafeRawBufferPointer(start: block.bytes + block.pointee.start, count: count)
                partCount += 1
                room -= count
                next = block.pointee.next
            }
            return Operation.Bytes(parts.span.extracting(0..<partCount), describedIn: description.bytes)
        }
    }

    /// A send has completed, and the description of its bytes is no longer needed.
    @inline(__always)
    func forgetDescription(_ pool: inout ByteBlockPool) {
        guard let description = pointee.sendDescription else { return }
        pointee.sendDescription = nil
        pool.give(description)
    }

    /// The bytes to send next; there must be some.
    @inline(__always)
    private var nextBytes: Operation.Bytes {
        if pointee.inlineStart != pointee.inlineEnd {
            let start = Int(pointee.inlineStart)
            return Operation.Bytes(UnsafeRawPointer(self) + start, count: Int(pointee.inlineEnd) - start)
        }
        guard let block = pointee.firstBlock else { preconditionFailure("nothing to send") }
        let count = min(block.pointee.end - block.pointee.start, ConnectionSlot.sendLimit)
        return Operation.Bytes(block.bytes + block.pointee.start, count: count)
    }

    /// Forgets the next `count` bytes, which the kernel has taken.
    @inline(__always)
    func consume(_ count: Int, _ pool: inout ByteBlockPool) {
        guard pointee.inlineStart != pointee.inlineEnd else { return consumeBlocks(count, &pool) }
        precondition(count <= pointee.inlineEnd - pointee.inlineStart, "the kernel sent more than it was given")
        pointee.inlineStart += UInt8(truncatingIfNeeded: count)
        if pointee.inlineStart == pointee.inlineEnd { forgetInlineBytes() }
    }

    @inline(never)
    private func consumeBlocks(_ count: Int, _ pool: inout ByteBlockPool) {
        precondition(count <= pointee.blockByteCount, "the kernel sent more than it was given")
        pointee.blockByteCount -= count
        var rest = count
        while rest > 0, let block = pointee.firstBlock {
            let taken = min(rest, block.pointee.end - block.pointee.start)
            block.pointee.start += taken
            rest -= taken
            if block.pointee.start == block.pointee.end { removeFirstBlock(&pool) }
        }
    }

    /// Forgets everything that was to be sent. Nothing may be in flight.
    func consumeAll(_ pool: inout ByteBlockPool) {
        forgetInlineBytes()
        while pointee.firstBlock != nil { removeFirstBlock(&pool) }
        pointee.blockByteCount = 0
    }

    /// Forgets the bytes that are not in blocks, which the kernel has taken.
    func forgetInlineBytes() {
        pointee.inlineStart = 0
        pointee.inlineEnd = 0
    }

    private func removeFirstBlock(_ pool: inout ByteBlockPool) {
        guard let block = pointee.firstBlock else { return }
        pointee.firstBlock = block.pointee.next
        if pointee.firstBlock == nil { pointee.lastBlock = nil }
        pool.give(block)
    }
}
