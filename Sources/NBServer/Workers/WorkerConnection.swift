internal import NBEngine
internal import NBLibc

/// A worker's connection, as the worker sees it during a callback.
///
/// Lent to the callback: it cannot be kept. What it is asked to do is queued, and done when the callback has returned. Belongs to the
/// server's thread, which a debug build checks.
///
/// When the connection has ended, or begun to, what it is asked to do is ignored.
public struct WorkerConnection<Worker: ConnectionWorker & ~Copyable>: ~Copyable {
    private let place: WorkerPlace

    init(_ place: WorkerPlace) {
        self.place = place
    }

    /// The slot behind the value. Every use of the connection passes here, and in a debug build must come from the server's thread.
    @inline(__always)
    var slot: ConnectionTable.Slot {
        table.pointee.assertOnLoopThread(place.slot)
        return place.slot
    }

    private var state: UnsafeMutablePointer<LoopState> { place.state }

    var table: UnsafeMutablePointer<ConnectionTable> { state.pointee.connections }

    private var options: UnsafePointer<WorkerOptions> { slot.workerOptions }

    /// The server, for the length of the callback.
    public var context: ServerContext { ServerContext(state) }

    /// The connection's name, which no other connection of the process ever has.
    public var id: ConnectionID { slot.id }

    /// The worker, as others know it.
    public var worker: WorkerRef<Worker> { WorkerRef(id, state.pointee.behavior.mailbox) }

    /// The peer's address, asked of the kernel with `getpeername(2)`; `nil` if the peer has reset the connection already.
    ///
    /// An IPv4 peer of an IPv6 listener, such as `[::]:80`, has its IPv4 address here. ``rawPeerAddress`` tells it as the kernel does.
    public var peerAddress: SocketAddress? { rawPeerAddress?.unmapped }

    /// The peer's address in the kernel's spelling, in which an IPv4 peer of an IPv6 listener is `[::ffff:127.0.0.1]:7777`.
    /// `getpeername(2)`, `ipv6(7)`.
    public var rawPeerAddress: SocketAddress? { slot.rawPeerAddress }

    /// The address the peer connected to, asked of the kernel with `getsockname(2)`; of an IPv4 peer, always the IPv4 address.
    public var localAddress: SocketAddress? { slot.localAddress }

    /// How the connection came to its server: by which listener, or adopted.
    public var origin: ConnectionOrigin { slot.origin }

    /// Lends the descriptor, for calls that do not block and that the library does not make, such as `getsockopt(2)`. `body` must not read,
    /// write, shut down or close it: to have it, use ``detach(to:)``.
    ///
    /// - Returns: what `body` returns; `nil` if the connection has ended, or begun to.
    public func withDescriptor<Value, Failure>(_ body: (Int32) throws(Failure) -> Value) throws(Failure) -> Value? {
        try slot.withDescriptor(body)
    }

    /// Sets an option of this connection's socket; `setsockopt(2)`.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption`` if the value is out of its range or the option is of listeners,
    ///   ``ServerError/Code/connectionEnded``, or ``ServerError/Code/socket`` if the kernel refuses.
    public func set(_ option: SocketOption) throws(ServerError) {
        try table.pointee.set(option, on: slot)
    }

    /// The address of the listener it came by; `nil` if that has been removed since.
    public var listenerAddress: SocketAddress? { state.pointee.listenerAddress(of: slot) }
}

// Sending.
extension WorkerConnection where Worker: ~Copyable {
    /// Queues a text, as UTF-8. Bytes arrive in the order in which they were queued; `send(2)`.
    ///
    /// They are queued whether or not there is room (see ``isWritable``), unless more than ``WorkerOptions/sendQueueLimit`` would wait:
    /// then the connection is reset.
    public func send(_ text: String) {
        let isSent: Void? = text.utf8.withContiguousStorageIfAvailable { enqueue(UnsafeRawBufferPointer($0)) }
        if isSent == nil { sendCopy(of: text) }
    }

    /// Queues bytes, which are copied.
    public func send(_ bytes: [UInt8]) {
        send(bytes.span)
    }

    /// Queues bytes, which are copied.
    public func send(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { enqueue($0) }
    }

    /// Queues memory without copying it; see ``SendBuffer``.
    public func send(_ buffer: consuming SendBuffer) {
        noteSend()
        table.pointee.send(buffer, on: slot)
        noteQueueLength()
    }

    /// Queues a frame: the bytes, behind the length or before the line feed that the connection's framing asks for. With
    /// ``WorkerOptions/Framing/raw`` that is nothing.
    ///
    /// A frame that is longer than its header can tell ends the connection, with ``CloseReason/failed(_:)`` and
    /// ``ServerError/Code/invalidArgument``. A line feed within a line is not looked for.
    public func sendFrame(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { enqueueFrame($0) }
    }

    /// Queues a frame; see ``sendFrame(_:)-(Span<UInt8>)``.
    public func sendFrame(_ bytes: [UInt8]) {
        sendFrame(bytes.span)
    }

    /// Queues a text as a frame, as UTF-8; see ``sendFrame(_:)-(Span<UInt8>)``.
    public func sendFrame(_ text: String) {
        let isSent: Void? = text.utf8.withContiguousStorageIfAvailable { enqueueFrame(UnsafeRawBufferPointer($0)) }
        if isSent == nil { sendFrameCopy(of: text) }
    }

    private func enqueueFrame(_ bytes: UnsafeRawBufferPointer) {
        switch slot.pointee.receiving.framing {
        case .raw:
            enqueue(bytes)
        case .line:
            enqueue(bytes)
            withUnsafeBytes(of: UInt8(ascii: "\n")) { enqueue($0) }
        case .lengthHeader(let header):
            guard bytes.count <= header.greatestLength else {
                return fail(
                    "sendFrame(_:)",
                    bytes.count,
                    "\(header.greatestLength) bytes or fewer, for this framing's header"
                )
            }
            // The lowest bytes of the length, in network order.
            withUnsafeBytes(of: UInt64(bytes.count).bigEndian) {
                enqueue(UnsafeRawBufferPointer(rebasing: $0.suffix(header.rawValue)))
            }
            enqueue(bytes)
        }
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) {
        noteSend()
        table.pointee.send(bytes, on: slot)
        noteQueueLength()
    }

    /// What the peer does not take from now on counts against its limit.
    private func noteSend() {
        guard slot.pointee.phase == .open, slot.hasNothingToSend else { return }
        slot.pointee.clocks.noteSent(table.pointee.now)
        if let limit = options.pointee.sendTimeLimit { table.pointee.limit(slot, table.pointee.now + limit) }
    }

    /// Out of line: inlined, it would make every text be retained and released.
    @inline(never)
    private func sendCopy(of text: String) {
        send(Array(text.utf8))
    }

    @inline(never)
    private func sendFrameCopy(of text: String) {
        sendFrame(Array(text.utf8))
    }

    private func noteQueueLength() {
        let count = slot.unsentByteCount
        guard count > options.pointee.sendHighWater else { return }
        slot.pointee.isCongested = true
        if count > options.pointee.sendQueueLimit { end(.queueTooLong) { $0.reset(slot) } }
    }

    /// How many bytes were queued and have not been taken by the kernel.
    public var unsentByteCount: Int { slot.unsentByteCount }

    /// Whether more can be sent now: no more than ``WorkerOptions/sendHighWater`` bytes wait, and nothing has ended the output. When
    /// too many wait, ``ConnectionWorker/becameWritable(_:)`` is called once the peer has taken them.
    public var isWritable: Bool {
        slot.pointee.phase == .open && !slot.pointee.finishesOutput
            && slot.unsentByteCount <= options.pointee.sendHighWater
    }

    /// Ends the output when everything that was queued is sent: the peer reads the end of the stream, and may go on sending.
    /// What is queued afterwards is not sent. `shutdown(2)`, called directly.
    public func finishOutput() {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.finishesOutput = true
        table.pointee.markDue(slot)
    }
}

// Receiving.
extension WorkerConnection where Worker: ~Copyable {
    /// Asks for what comes next, once; what has arrived already and was not delivered counts. A worker that is given everything
    /// (``WorkerOptions/ReceiveMode/continuous``) need not ask.
    public func receive() {
        ask { if $0.credit >= 0 { $0.ask(.once) } else { $0.wanted = 0 } }
    }

    /// Changes how often what arrives is delivered, from now on; ``WorkerOptions/ReceiveMode/manual`` asks for nothing more. A count below 0
    /// ends the connection, as with ``receive(exactly:)``.
    public func receive(_ mode: WorkerOptions.ReceiveMode) {
        if case .count(let count) = mode, !WorkerOptions.counts.contains(count) {
            return fail("receive(_:)", count, "a count from 0 to \(WorkerOptions.counts.upperBound)")
        }
        ask { $0.ask(mode) }
    }

    /// Asks for so many bytes, which are delivered at once when they have arrived, whatever the framing; Erlang's `recv/2`.
    ///
    /// A count below 1 or above ``WorkerOptions/frameLimit``, which a peer may have named, ends the connection, with
    /// ``CloseReason/failed(_:)`` and ``ServerError/Code/invalidArgument``.
    public func receive(exactly count: Int) {
        let limit = options.pointee.frameLimit
        guard count > 0 && count <= limit else {
            return fail("receive(exactly:)", count, "from 1 to WorkerOptions.frameLimit, \(limit)")
        }
        ask {
            if $0.credit >= 0 { $0.ask(.once) }
            $0.wanted = Int32(count)
        }
    }

    /// Changes what is delivered at a time, from the next delivery on.
    public func setFraming(_ framing: WorkerOptions.Framing) {
        slot.pointee.receiving.framing = framing
        slot.pointee.receiving.searched = 0
        // What has arrived and was no frame may be one now.
        guard slot.pointee.phase == .open, slot.pointee.input != nil else { return }
        slot.pointee.receiving.isReady = true
        table.pointee.markDue(slot)
    }

    /// How many bytes were left when the peer ended its side and the worker was told, because they are no whole frame, or fewer
    /// than ``receive(exactly:)`` asked for; 0 before that, and of a stream that ended where a frame does. They are delivered only
    /// if the worker asks for them in another framing: `setFraming(.raw)`. Otherwise the connection's end tells of them,
    /// ``CloseReason/frameCut(byteCount:)``.
    public var cutByteCount: Int { Int(slot.pointee.receiving.cutByteCount) }

    private func ask(_ change: (inout Receiving) -> Void) {
        guard slot.pointee.phase == .open else { return }
        change(&slot.pointee.receiving)
        slot.pointee.receiving.isReady = slot.pointee.input != nil || slot.pointee.receiving.hasEnded
        slot.pointee.clocks.receivingSince = table.pointee.now
        if let limit = options.pointee.receiveTimeLimit { table.pointee.limit(slot, table.pointee.now + limit) }
        table.pointee.markDue(slot)
    }
}

// Ending.
extension WorkerConnection where Worker: ~Copyable {
    /// Closes the connection when everything that was queued is sent; the worker hears ``ConnectionWorker/closed(_:on:)`` then,
    /// and nothing before. As with ``Connection/close()``, the peer reads everything and then the end of the stream. What has
    /// arrived and was not delivered is dropped.
    public func close() {
        end(.closed) { $0.drop(slot) }
    }

    /// Ends the connection at once: the peer gets a reset and may lose what it has not read.
    public func reset() {
        end(.reset) { $0.reset(slot) }
    }

    /// Takes the connection off its server, once everything that was queued has been sent, with what was received on it and not delivered.
    ///
    /// - Parameter receiver: called once, on the server's thread after the present callback, with the connection. It is told an error instead,
    ///   ``ServerError/Code/connectionEnded``, if what was queued cannot be sent: the peer is gone, or does not read it within
    ///   ``ServerOptions/closeTimeLimit``, or the server's engine fails; and if the connection has ended, or begun to. It is reset then.
    public func detach(to receiver: @escaping (Result<DetachedConnection, ServerError>) -> Void) {
        guard slot.pointee.phase == .open else {
            return table.pointee.failReceiver(receiver, because: slot.pointee.closeCause)
        }
        end(.detached) { $0.detach(slot, to: receiver) }
    }

    /// Gives the connection to another server of this process, once everything that was queued has been sent.
    ///
    /// It is delivered there as if it had been accepted there, with what was received on it and not delivered here. If that
    /// server has stopped by then, the connection is closed. To hear of that, use ``detach(to:)`` and ``Server/adopt(_:)``.
    public func handOff<Behavior: NonBlockingServer & ~Copyable>(to server: Server<Behavior>) {
        detach { if case .success(let connection) = $0 { try? server.adopt(connection) } }
    }

    private func end(_ kind: CloseCause.Kind, _ body: (inout ConnectionTable) -> Void) {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.closeCause.note(kind)
        if slot.pointee.runCount > 0 { state.pointee.runs.cancel(of: id) }
        body(&table.pointee)
    }
    /// The worker asked for what cannot be done. Out of line, since no worker should.
    @inline(never)
    func fail(_ function: String, _ value: Int, _ range: String) {
        guard slot.pointee.phase == .open else { return }
        state.pointee.fail(
            slot,
            OptionRange.error("WorkerConnection.\(function)", value, range, code: .invalidArgument)
        )
    }
}

/// Where a worker's connection is: in its loop, and in its slot there. Loop's thread only.
struct WorkerPlace {
    let state: UnsafeMutablePointer<LoopState>
    let slot: ConnectionTable.Slot
}
