internal import NBEngine

// Sends that complete only if they fall short. A server that answers and then waits is not woken by its own answers, which mostly fit into
// the socket's buffer. Where a worker hears of its sends, or a peer has been behind, sends complete as ever.
//
//  submitted ─┬─▶ carried out at once, and everything was taken
//             └─▶ the engine has carried out everything ──▶ there is no completion: everything was taken
//                                                       └─▶ there is one: it fell short, and the rest waits for the peer
extension ConnectionTable {
    /// Bytes that were submitted to be sent at once.
    struct SentAtOnce {
        let token: Token
        let count: Int32
    }

    /// Whether the next bytes of a connection may be sent at once. Only if they are all there are: the next send follows a completion.
    func maySendAtOnce(_ bytes: Operation.Bytes, on slot: Slot) -> Bool {
        !hasPostponedSends && slot.pointee.phase == .open && !slot.pointee.awaitsSends
            && !slot.pointee.isCongested && !slot.pointee.finishesOutput && bytes.count == slot.unsentByteCount
    }

    /// Bytes were submitted to be sent at once. The engine may say already that everything was taken.
    @inline(__always)
    mutating func noteSentAtOnce(_ count: Int, isSent: Bool, on slot: Slot) {
        slot.pointee.clocks?.pointee.noteSent(now)
        counters.pointee.bytesSent &+= UInt64(count)
        if isSent { return conclude(count, on: slot) }
        slot.pointee.isSentAtOnce = true
        sentAtOnce.append(SentAtOnce(token: slot.token(.send), count: Int32(truncatingIfNeeded: count)))
    }

    /// So many bytes that were to be sent at once are sent.
    @inline(__always)
    private mutating func conclude(_ count: Int, on slot: Slot) {
        slot.forgetDescription(&pool)
        slot.consume(count, &pool)
        let action = slot.pointee.state.on(.sent(.done))
        if action != .markDue || !slot.hasSentAll { settle(action, slot) }
    }

    var hasSentAtOnce: Bool { !sentAtOnce.isEmpty }

    /// A completion has come: what was sent at once, if that is what it is about, fell short.
    @inline(__always)
    mutating func noteShortSend(_ slot: Slot) {
        guard slot.pointee.isSentAtOnce else { return }
        slot.pointee.isSentAtOnce = false
        slot.pointee.awaitsSends = true
    }

    /// The engine has carried out everything, and what fell short is noted. Takes a connection whose bytes were taken.
    mutating func concludeNextSend() -> Slot? {
        while let sent = sentAtOnce.popFirst() {
            guard let slot = slot(sent.token), slot.pointee.isSentAtOnce else {
                // Its completion counts what was taken.
                counters.pointee.bytesSent &-= UInt64(UInt32(bitPattern: sent.count))
                continue
            }
            slot.pointee.isSentAtOnce = false
            conclude(Int(sent.count), on: slot)
            return slot
        }
        isSendAwaited = false
        hasPostponedSends = false
        return nil
    }
}
