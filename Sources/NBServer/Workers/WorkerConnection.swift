internal import Glibc

/// A worker's connection, as the worker sees it during a callback.
///
/// Lent to the callback: it cannot be kept. What it is asked to do is queued and leaves on the ring after the callback has
/// returned, without a system call unless the description says otherwise. Belongs to the server's thread.
public struct WorkerConnection: ~Copyable {
    let state: UnsafeMutablePointer<LoopState>
    let slot: ConnectionTable.Slot

    init(_ state: UnsafeMutablePointer<LoopState>, _ slot: ConnectionTable.Slot) {
        self.state = state
        self.slot = slot
    }

    private var table: UnsafeMutablePointer<ConnectionTable> { state.pointee.connections }

    private var options: UnsafePointer<WorkerOptions> { state.pointee.workers.options(slot.pointee.worker.table) }

    /// The connection's name, which no other connection of the process ever has.
    public var id: ConnectionID { slot.id }

    /// The name of its worker, by which that is sent messages: `connection.workerID(of: Self.self)`.
    ///
    /// - Precondition: the worker is of that type.
    public func workerID<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> WorkerID<Worker> {
        precondition(
            state.pointee.workers.number(of: type) == slot.pointee.worker.table,
            "this connection's worker is of another type than \(type)"
        )
        return WorkerID(connection: id)
    }

    /// The server, for the length of the callback.
    public var server: ServerContext { ServerContext(state) }

    /// The peer's address, asked of the kernel with `getpeername(2)`; `nil` if the peer has reset the connection already.
    public var peerAddress: SocketAddress? {
        let descriptor = slot.pointee.descriptor
        return SocketAddress.reading { getpeername(descriptor, $0, $1) }
    }

    /// The address the peer connected to, asked of the kernel with `getsockname(2)`.
    public var localAddress: SocketAddress? {
        let descriptor = slot.pointee.descriptor
        return SocketAddress.reading { getsockname(descriptor, $0, $1) }
    }

    /// The address of the listener it came by; `nil` if that has been removed since.
    public var listenerAddress: SocketAddress? { state.pointee.listenerAddress(of: slot) }
}

// Sending.
extension WorkerConnection {
    /// Queues a text, as UTF-8. Bytes arrive in the order in which they were queued; `send(2)`.
    ///
    /// - Returns: whether no more than ``WorkerOptions/highWater`` bytes wait; if not, it is time to stop until
    ///   ``ConnectionWorker/writable(_:)`` is called. They are queued in any case, unless that would be more than
    ///   ``WorkerOptions/queueLimit``: then the connection is reset.
    @discardableResult
    public func send(_ text: String) -> Bool {
        let isSent = text.utf8.withContiguousStorageIfAvailable { enqueue(UnsafeRawBufferPointer($0)) }
        return isSent ?? sendCopy(of: text)
    }

    /// Queues bytes, which are copied.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        send(bytes.span)
    }

    /// Queues bytes, which are copied.
    @discardableResult
    public func send(_ bytes: Span<UInt8>) -> Bool {
        bytes.withUnsafeBytes { enqueue($0) }
    }

    /// Queues a frame: the bytes, with the header or the line end that ``WorkerOptions/framing`` asks for.
    ///
    /// - Precondition: the header can tell the length.
    @discardableResult
    public func sendFrame(_ bytes: Span<UInt8>) -> Bool {
        switch slot.pointee.receiving.framing {
        case .raw:
            return send(bytes)
        case .line:
            send(bytes)
            return send("\n")
        case .lengthHeader(let size):
            precondition(bytes.count < 1 << (8 * size), "the header has too few bytes for this length")
            send((0..<size).reversed().map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) })
            return send(bytes)
        }
    }

    /// Queues memory without copying it; see ``SendBuffer``.
    @discardableResult
    public func send(_ buffer: consuming SendBuffer) -> Bool {
        noteSend()
        table.pointee.send(buffer, on: slot)
        return isWithinMarks
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        noteSend()
        table.pointee.send(bytes, on: slot)
        return isWithinMarks
    }

    /// What the peer does not take from now on counts against its limit.
    private func noteSend() {
        guard slot.pointee.phase == .open, slot.hasNothingToSend else { return }
        slot.pointee.waits.noteSent(table.pointee.now)
        if let limit = options.pointee.sendLimit { table.pointee.limit(slot, table.pointee.now + limit) }
    }

    /// Out of line: inlined, it would make every text be retained and released.
    @inline(never)
    private func sendCopy(of text: String) -> Bool {
        send(Array(text.utf8))
    }

    private var isWithinMarks: Bool {
        let count = slot.unsentByteCount
        guard count > options.pointee.highWater else { return true }
        slot.pointee.isCongested = true
        if count > options.pointee.queueLimit { end(.queueTooLong) { $0.reset(slot) } }
        return false
    }

    /// How many bytes were queued and have not been taken by the kernel.
    public var unsentByteCount: Int { slot.unsentByteCount }

    /// Ends the output when everything that was queued is sent: the peer reads the end of the stream, and may go on sending.
    /// What is queued afterwards is not sent. `shutdown(2)`, called directly.
    public func finishOutput() {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.finishesOutput = true
        table.pointee.unsettle(slot)
    }
}

// Receiving.
extension WorkerConnection {
    /// Asks for what comes next, once, or as `mode` says. What has arrived already and was not delivered counts.
    public func receive(_ mode: WorkerOptions.ReceiveMode = .once) {
        ask { $0.ask(mode) }
    }

    /// Asks for so many bytes, which are delivered at once when they have arrived, whatever the framing; Erlang's `recv/2`.
    ///
    /// - Precondition: `count` is above 0, and ``WorkerOptions/frameLimit`` at the most.
    public func receive(exactly count: Int) {
        let limit = options.pointee.frameLimit
        precondition(count > 0 && count <= limit, "asked for \(count) bytes at once, of \(limit) that are allowed")
        ask {
            $0.ask(.once)
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
        table.pointee.unsettle(slot)
    }

    private func ask(_ change: (inout Receiving) -> Void) {
        guard slot.pointee.phase == .open else { return }
        change(&slot.pointee.receiving)
        slot.pointee.receiving.isReady = slot.pointee.input != nil || slot.pointee.receiving.hasEnded
        slot.pointee.waits.receivingSince = table.pointee.now
        if let limit = options.pointee.receiveLimit { table.pointee.limit(slot, table.pointee.now + limit) }
        table.pointee.unsettle(slot)
    }
}

// Ending.
extension WorkerConnection {
    /// Closes the connection when everything that was queued is sent; the worker hears ``ConnectionWorker/closed(_:)`` then,
    /// and nothing before. As with ``Connection/close()``, the peer reads everything and then the end of the stream.
    public func close() {
        end(.closed) { $0.drop(slot) }
    }

    /// Ends the connection at once: the peer gets a reset and may lose what it has not read.
    public func reset() {
        end(.reset) { $0.reset(slot) }
    }

    /// Gives the connection to somebody else, once everything that was queued has been sent.
    ///
    /// - Parameter receiver: called once, on the server's thread after the present callback, with the descriptor and what was
    ///   received on it and not delivered. It is not called if what was queued cannot be sent.
    public func release(to receiver: @escaping (consuming ReleasedConnection) -> Void) {
        let control = state.pointee.control
        end(.released) { table in
            table.release(slot) { descriptor, unread in
                receiver(ReleasedConnection(descriptor, unread: unread) { control.noteFreedDescriptor() })
            }
        }
    }

    /// Gives the connection to another server of this process, once everything that was queued has been sent.
    ///
    /// It is delivered there as if it had been accepted there, with what was received on it and not delivered here. If that
    /// server has stopped by then, the connection is closed.
    public func handOff<Behavior: NonBlockingServer & ~Copyable>(to server: Server<Behavior>) {
        release { try? server.adopt($0) }
    }

    private func end(_ kind: Ending.Kind, _ body: (inout ConnectionTable) -> Void) {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.ending.note(kind)
        body(&table.pointee)
    }
}
