internal import NBEngine
internal import NBLibc

/// Connections that end together. The kernel has each connection's last bytes and holds them (`MSG_MORE`) until its FIN.
///
/// One `poll(2)` looks for unread input on all of them. One `close_range(2)` closes each run of consecutive descriptors. So a group shares two
/// of the four system calls that an end takes, and calls of one kind in a row cost the kernel less than calls of four kinds in turn. A group
/// is begun and ended within one ``ConnectionTable/submitDue(atMost:on:_:)``: nothing else happens to its connections meanwhile.
///
/// ```
///  due ── send ──▶ in the group ── shutdown ── poll: nothing ─────────────▶ close_range
///                                              └─ something ── recv ──▶ close_range, or heard out
/// ```
///
/// Owned by the table of connections; loop's thread only.
struct EndingGroup: ~Copyable {
    /// A larger group saves almost nothing more and delays messages. `poll(2)` takes this many without allocating.
    static let capacity = 16

    /// What to poll for. An urgent byte alone is not input to `poll(2)`, but a close over it is a reset.
    static let events = Int16(POLLIN | POLLPRI)

    private let slots = UnsafeMutablePointer<ConnectionTable.Slot>.allocate(capacity: capacity)
    private let sockets = UnsafeMutablePointer<pollfd>.allocate(capacity: capacity)
    private let descriptors = UnsafeMutablePointer<Int32>.allocate(capacity: capacity)
    private(set) var count = 0
    /// How many are to be closed. Their slots overwrite `slots` from the front.
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
        (sockets + count).initialize(to: pollfd(fd: slot.pointee.descriptor, events: Self.events, revents: 0))
        count &+= 1
    }

    /// Polls all of them. Returns whether the events are known. A single connection needs no poll: the call that discards its input finds it.
    @inline(__always)
    func findInput(_ calls: borrowing some SocketCalls & ~Copyable) -> Bool {
        count > 1 && calls.findInput(among: UnsafeMutableBufferPointer(start: sockets, count: count))
    }

    @inline(__always)
    func slot(_ index: Int) -> ConnectionTable.Slot { slots[index] }

    /// Whether the poll found input, the end of the peer's stream or an error.
    @inline(__always)
    func hasEvent(_ index: Int) -> Bool { sockets[index].revents != 0 }

    /// Puts a connection that was looked at among those to be closed.
    @inline(__always)
    mutating func markClosing(_ slot: ConnectionTable.Slot) {
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
    /// Ends the streams of a group's connections, discards their unread input, then closes. Closing a socket with unread input resets the
    /// connection. A connection whose peer spoke is heard out, and so is one whose last bytes have not left.
    ///
    /// The order matters. Everything has left before the close, which is a reset if a peer spoke since its input was discarded.
    @inline(never)
    mutating func endGroup(
        on engine: inout some Engine & ~Copyable,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) {
        for index in 0..<endings.count { calls.finishOutput(of: endings.slot(index).pointee.descriptor) }
        let isKnown = !mayHideInput && endings.findInput(calls)
        for index in 0..<endings.count {
            let slot = endings.slot(index)
            let finish = discardInput(of: slot, mayHaveInput: !isKnown || endings.hasEvent(index), calls)
            let action = slot.pointee.state.on(.finished(finish))
            if action == .close { endings.markClosing(slot) } else { hearOutIfRoom(slot, on: &engine) }
        }
        closeGroup(on: &engine, calls)
    }

    @inline(__always)
    private func discardInput(
        of slot: Slot,
        mayHaveInput: Bool,
        _ calls: borrowing some SocketCalls & ~Copyable
    ) -> ConnectionState.Finish {
        let descriptor = slot.pointee.descriptor
        let unheard = mayHaveInput ? calls.discardInput(of: descriptor, isPlainTCP: slot.pointee.isPlainTCP) : -EAGAIN
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
