internal import NBEngine
internal import NBLibc

/// Connections that end together: the kernel has their last bytes, and holds them back for the ends of their streams.
///
/// One call looks at all of them for unread input, and one closes those whose descriptors follow each other. Of the four system calls
/// that an end takes, a group shares two; and calls of one kind in a row cost the kernel less than calls of four kinds in turn. A group is
/// begun and ended within one ``ConnectionTable/submitDue(atMost:on:_:)``: nothing else happens to its connections meanwhile.
///
/// ```
///  due ── send ──▶ in the group ── shutdown ── poll: nothing ─────────────▶ close_range
///                                              └─ something ── recv ──▶ close_range, or heard out
/// ```
///
/// Owned by the table of connections; loop's thread only.
struct EndingGroup: ~Copyable {
    /// A larger one saves next to nothing more, and a message would wait longer for it. The kernel polls so many without allocating.
    static let capacity = 16

    private let slots = UnsafeMutablePointer<ConnectionTable.Slot>.allocate(capacity: capacity)
    private let sockets = UnsafeMutablePointer<pollfd>.allocate(capacity: capacity)
    private let descriptors = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
    private(set) var count = 0
    /// How many of them are to be closed. Their slots come first, in the places of those that were looked at.
    private var closingCount = 0

    deinit {
        slots.deallocate()
        sockets.deallocate()
        descriptors.deallocate()
    }

    var isFull: Bool { count == Self.capacity }

    @inline(__always)
    mutating func append(_ slot: ConnectionTable.Slot) {
        (slots + count).initialize(to: slot)
        (sockets + count).initialize(to: pollfd(fd: slot.pointee.descriptor, events: Int16(POLLIN), revents: 0))
        count &+= 1
    }

    /// Looks at all of them; returns whether it is known now which have input. For one, looking for its input is the look.
    @inline(__always)
    func findInput(_ calls: borrowing some SocketCalls & ~Copyable) -> Bool {
        count > 1 && calls.findInput(among: UnsafeMutableBufferPointer(start: sockets, count: count))
    }

    @inline(__always)
    func slot(_ index: Int) -> ConnectionTable.Slot { slots[index] }

    /// Whether something was found on one, be it input, an end or an error.
    @inline(__always)
    func hasEvent(_ index: Int) -> Bool { sockets[index].revents != 0 }

    /// One that was looked at is to be closed.
    @inline(__always)
    mutating func close(_ slot: ConnectionTable.Slot) {
        slots[closingCount] = slot
        (descriptors + closingCount).initialize(to: slot.pointee.descriptor)
        closingCount &+= 1
    }

    /// What is to be closed.
    var closing: Range<Int> { 0..<closingCount }
    var closingDescriptors: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: descriptors, count: closingCount) }

    mutating func removeAll() {
        count = 0
        closingCount = 0
    }
}

// How a group ends.
extension ConnectionTable {
    /// Ends the streams of a group's connections, throws away what their peers said and the server did not receive, and closes: a close over
    /// that would be a reset. Connections whose peers spoke are heard out, and so are those whose last bytes have not left.
    ///
    /// The order matters. Everything has left before the close, which is a reset if a peer has spoken just then, or speaks later.
    @inline(never)
    mutating func endGroup(
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        for index in 0..<endings.count { calls.finishOutput(of: endings.slot(index).pointee.descriptor) }
        let isKnown = endings.findInput(calls)
        for index in 0..<endings.count {
            let slot = endings.slot(index)
            let finish = discardInput(of: slot, isThereSome: !isKnown || endings.hasEvent(index), calls)
            let action = slot.pointee.state.on(.finished(finish))
            if action == .close { endings.close(slot) } else { hearOutIfRoom(slot, on: &engine) }
        }
        closeGroup(on: &engine, calls)
    }

    @inline(__always)
    private func discardInput(
        of slot: Slot,
        isThereSome mayBeSome: Bool,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) -> ConnectionState.Finish {
        let descriptor = slot.pointee.descriptor
        let unheard = mayBeSome ? calls.discardInput(of: descriptor, isPlainTCP: slot.pointee.isPlainTCP) : -EAGAIN
        // Behind the end of the peer's stream nothing comes that could reset the connection.
        if unheard != 0 && slot.pointee.mayBeBehind && calls.hasUnsent(descriptor) { return .unsent }
        // Without memory to look, something may be there.
        return unheard > 0 || unheard == -ENOMEM ? .spoke : .clean
    }

    @inline(never)
    private mutating func hearOutIfRoom(_ slot: Slot, on engine: inout some Engine & ~Copyable) {
        if beginToHearOut(slot) { hearOut(slot, on: &engine) }
    }

    @inline(__always)
    private mutating func closeGroup(
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        if closesWait { for descriptor in endings.closingDescriptors { calls.forgetLinger(of: descriptor) } }
        engine.close(endings.closingDescriptors.span)
        for index in endings.closing { freeClosed(endings.slot(index)) }
        endings.removeAll()
    }
}
