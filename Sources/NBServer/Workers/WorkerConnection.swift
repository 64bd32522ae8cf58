internal import NBEngine
internal import NBLibc

/// A worker's connection, as the worker uses it during a callback.
///
/// The value is lent to the callback and cannot be kept. Requests are queued, and done when the callback has returned. It belongs to the
/// server's thread; a debug build checks that.
///
/// Once the connection has begun to end, requests are ignored.
public struct WorkerConnection<Worker: ConnectionWorker & ~Copyable>: ~Copyable {
    private let place: WorkerPlace

    init(_ place: WorkerPlace) {
        self.place = place
    }

    /// The slot of the connection. Every access goes through here; a debug build checks that it comes from the server's thread.
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

    /// The connection's ID. No other connection of the process ever has the same.
    public var id: ConnectionID { slot.id }

    /// A reference to the worker, for other workers, threads and tasks.
    public var worker: WorkerRef<Worker> { WorkerRef(id, state.pointee.behavior.mailbox) }

    /// The peer's address. `nil` if the peer has reset the connection. `getpeername(2)`.
    ///
    /// An IPv4 peer of an IPv6 listener, such as `[::]:80`, has its IPv4 address here. ``rawPeerAddress`` has the kernel's spelling.
    public var peerAddress: SocketAddress? { rawPeerAddress?.unmapped }

    /// The peer's address in the kernel's spelling: an IPv4 peer of an IPv6 listener is `[::ffff:127.0.0.1]:7777`. `getpeername(2)`,
    /// `ipv6(7)`.
    public var rawPeerAddress: SocketAddress? { table.pointee.rawPeerAddress(of: slot) }

    /// The address that the peer connected to; of an IPv4 peer, always the IPv4 address. `getsockname(2)`.
    public var localAddress: SocketAddress? { table.pointee.localAddress(of: slot) }

    /// How the connection came to its server: accepted by a listener, or adopted.
    public var origin: ConnectionOrigin { slot.origin }

    /// Lends the descriptor for calls that do not block and that the library does not make, such as `getsockopt(2)`. `body` must not read,
    /// write, shut down or close the descriptor. To own the descriptor, use ``detach(to:)``.
    ///
    /// - Returns: the value that `body` returns; `nil` if the connection has begun to end.
    public func withDescriptor<Value, Failure>(_ body: (Int32) throws(Failure) -> Value) throws(Failure) -> Value? {
        try slot.withDescriptor(body)
    }

    /// Sets an option of this connection's socket. `setsockopt(2)`.
    ///
    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption`` if the value is out of its range or the option is for listeners
    ///   only, ``ServerError/Code/connectionEnded``, or ``ServerError/Code/socket`` if the kernel refuses.
    public func set(_ option: SocketOption) throws(ServerError) {
        try table.pointee.set(option, on: slot)
    }

    /// The address of the listener that accepted the connection; `nil` if the listener has been removed since.
    public var listenerAddress: SocketAddress? { state.pointee.listenerAddress(of: slot) }
}

// Sending.
extension WorkerConnection where Worker: ~Copyable {
    /// Queues a text, as UTF-8. Bytes are sent in the order in which they were queued. `send(2)`.
    ///
    /// Bytes are queued whether or not ``isWritable`` is true. A queue of more than ``WorkerOptions/sendQueueLimit`` bytes resets the
    /// connection.
    public func send(_ text: String) {
        let isSent: Void? = text.utf8.withContiguousStorageIfAvailable { enqueue(UnsafeRawBufferPointer($0)) }
        if isSent == nil { sendCopy(of: text) }
    }

    /// Queues a copy of the bytes.
    public func send(_ bytes: [UInt8]) {
        send(bytes.span)
    }

    /// Queues a copy of the bytes.
    public func send(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { enqueue($0) }
    }

    /// Queues memory without copying it; see ``SendBuffer``.
    public func send(_ buffer: consuming SendBuffer) {
        noteSend()
        table.pointee.send(buffer, on: slot)
        noteQueueLength()
    }

    /// Queues a frame: the bytes with the length header or the line feed that the connection's framing asks for. With
    /// ``WorkerOptions/Framing/raw``, only the bytes.
    ///
    /// A frame that is too long for its header ends the connection with ``CloseReason/failed(_:)`` and
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

    /// The worker has nothing to do when everything is sent, nor has any other of its type.
    func noteUnheardSend() {
        guard slot.pointee.hasWorker else { return }
        state.pointee.workers.noteDeafToSends(slot.pointee.worker.table)
        slot.pointee.awaitsSends = false
    }

    /// The send limit counts from here, if the queue was empty.
    private func noteSend() {
        guard slot.pointee.phase == .open, slot.hasNothingToSend else { return }
        slot.pointee.clocks?.pointee.noteSent(table.pointee.now)
        if let limit = options.pointee.sendTimeLimit { table.pointee.limit(slot, table.pointee.now + limit) }
    }

    /// Out of line: inlined, it would retain and release every text.
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

    /// How many queued bytes the kernel has not taken yet.
    public var unsentByteCount: Int { slot.unsentByteCount }

    /// Whether the worker may send more: no more than ``WorkerOptions/sendHighWater`` bytes are queued, and the output has not ended. After
    /// it was false because of the queue, ``ConnectionWorker/becameWritable(_:)`` is called once the peer has caught up.
    public var isWritable: Bool {
        slot.pointee.phase == .open && !slot.pointee.finishesOutput
            && slot.unsentByteCount <= options.pointee.sendHighWater
    }

    /// Ends the output when everything queued is sent. The peer reads the end of the stream, and may go on sending. Bytes that are queued
    /// afterwards are not sent. `shutdown(2)`.
    public func finishOutput() {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.finishesOutput = true
        table.pointee.markDue(slot)
    }
}

// Receiving.
extension WorkerConnection where Worker: ~Copyable {
    /// Asks for one delivery. Input that has arrived and was not delivered counts. A worker that receives continuously
    /// (``WorkerOptions/ReceiveMode/continuous``) need not ask.
    public func receive() {
        ask { if $0.credit >= 0 { $0.ask(.once) } else { $0.wanted = 0 } }
    }

    /// Changes how often input is delivered, from now on. With ``WorkerOptions/ReceiveMode/manual``, nothing more is delivered until the
    /// worker asks. A count below 0 ends the connection, as in ``receive(exactly:)``.
    public func receive(_ mode: WorkerOptions.ReceiveMode) {
        if case .count(let count) = mode, !WorkerOptions.counts.contains(count) {
            return fail("receive(_:)", count, "a count from 0 to \(WorkerOptions.counts.upperBound)")
        }
        ask { $0.ask(mode) }
    }

    /// Asks for exactly `count` bytes, which are delivered together when they have arrived, whatever the framing. Erlang's `recv/2`.
    ///
    /// A count below 1 or above ``WorkerOptions/frameLimit`` ends the connection with ``CloseReason/failed(_:)`` and
    /// ``ServerError/Code/invalidArgument``, because a peer may have named it.
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

    /// Changes what one delivery has, from the next delivery on.
    public func setFraming(_ framing: WorkerOptions.Framing) {
        slot.pointee.receiving.framing = framing
        slot.pointee.receiving.searched = 0
        // Input that was no whole frame may be one now.
        guard slot.pointee.phase == .open, slot.pointee.input != nil else { return }
        slot.pointee.receiving.isReady = true
        table.pointee.markDue(slot)
    }

    /// How many bytes were left over when the peer ended its side, because they are no whole frame, or fewer than ``receive(exactly:)``
    /// asked for. 0 before that, and 0 if the stream ended with a frame.
    ///
    /// The bytes are delivered only if the worker asks for them with another framing: `setFraming(.raw)`. Otherwise the connection ends
    /// with ``CloseReason/frameCut(byteCount:)``.
    public var cutByteCount: Int { Int(slot.pointee.receiving.cutByteCount) }

    private func ask(_ change: (inout Receiving) -> Void) {
        guard slot.pointee.phase == .open else { return }
        change(&slot.pointee.receiving)
        slot.pointee.receiving.isReady = slot.pointee.input != nil || slot.pointee.receiving.hasEnded
        slot.pointee.clocks?.pointee.receivingSince = table.pointee.now
        if let limit = options.pointee.receiveTimeLimit { table.pointee.limit(slot, table.pointee.now + limit) }
        table.pointee.markDue(slot)
    }
}

// Ending.
extension WorkerConnection where Worker: ~Copyable {
    /// Closes the connection when everything queued is sent. ``ConnectionWorker/closed(_:on:)`` is called then, and no callback before.
    /// Like ``Connection/close()``, it lets the peer read everything and then the end of the stream. Input that was not delivered is
    /// dropped.
    public func close() {
        end(.closed) { $0.drop(slot) }
    }

    /// Ends the connection at once. The peer gets a reset and may lose what it has not read.
    public func reset() {
        end(.reset) { $0.reset(slot) }
    }

    /// Takes the connection off its server when everything queued is sent. Input that was not delivered goes along.
    ///
    /// - Parameter receiver: called once, on the server's thread after the present callback, with the connection. It gets
    ///   ``ServerError/Code/connectionEnded`` instead, and the connection is reset, if the peer is gone before everything is sent, the peer
    ///   does not read it within ``ServerOptions/closeTimeLimit``, the engine fails, or the connection has begun to end.
    public func detach(to receiver: @escaping (Result<DetachedConnection, ServerError>) -> Void) {
        guard slot.pointee.phase == .open else {
            return table.pointee.failReceiver(receiver, because: slot.pointee.closeCause)
        }
        end(.detached) { $0.detach(slot, to: receiver) }
    }

    /// Gives the connection to another server of this process when everything queued is sent.
    ///
    /// The other server receives the connection as if it had accepted it, with the input that was not delivered here. If that server has
    /// stopped, the connection is closed. To hear of that, use ``detach(to:)`` and ``Server/adopt(_:)``.
    public func handOff<Behavior: NonBlockingServer & ~Copyable>(to server: Server<Behavior>) {
        detach { if case .success(let connection) = $0 { try? server.adopt(connection) } }
    }

    private func end(_ kind: CloseCause.Kind, _ body: (inout ConnectionTable) -> Void) {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.closeCause.note(kind)
        if slot.pointee.runCount > 0 { state.pointee.runs.cancel(of: id) }
        body(&table.pointee)
    }
    /// The worker asked for something out of range. Out of line, because that is rare.
    @inline(never)
    func fail(_ function: String, _ value: Int, _ range: String) {
        guard slot.pointee.phase == .open else { return }
        state.pointee.fail(
            slot,
            OptionRange.error("WorkerConnection.\(function)", value, range, code: .invalidArgument)
        )
    }
}

/// The place of a worker's connection: its loop, and its slot there. Loop's thread only.
struct WorkerPlace {
    let state: UnsafeMutablePointer<LoopState>
    let slot: ConnectionTable.Slot
}
