internal import NBLibc

/// An accepted connection, owned by whoever holds this value.
///
/// What a connection is asked to do is queued, and done when the callback has returned. Dropped, a connection sends what was queued
/// and closes. A peer that takes nothing of it for ``ServerOptions/closeTimeLimit`` is reset. One that spoke and was not heard is
/// heard out, see ``ServerOptions/lingerTimeLimit``.
///
/// Belongs to the server's thread: use it inside callbacks only, which a debug build checks. One that is held beyond the
/// server's end has been reset, and what it is asked then does nothing. Its descriptor is non-blocking and closed on exec.
public struct Connection: ~Copyable {
    private let table: UnsafeMutablePointer<ConnectionTable>
    private let ownSlot: ConnectionTable.Slot

    init(_ table: UnsafeMutablePointer<ConnectionTable>, _ slot: ConnectionTable.Slot) {
        self.table = table
        ownSlot = slot
    }

    /// The slot behind the value. Every use of a connection passes here, and in a debug build must come from its server's thread.
    @inline(__always)
    var slot: ConnectionTable.Slot {
        table.pointee.assertOnLoopThread(ownSlot)
        return ownSlot
    }

    // Out of line: `close()` would be the same code, and the linker of functions makes one a detour to the other.
    @inline(never)
    deinit {
        table.drop(slot)
    }

    /// Queues a text, as UTF-8. Bytes arrive in the order in which they were queued; `send(2)`.
    ///
    /// If they cannot be sent, usually because the peer is gone, the connection is reset when it is dropped; that costs this
    /// connection only.
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
        table.pointee.send(buffer, on: slot)
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) {
        table.pointee.send(bytes, on: slot)
    }

    /// Out of line: inlined, it would make every text be retained and released.
    @inline(never)
    private func sendCopy(of text: String) {
        send(Array(text.utf8))
    }

    /// How many bytes were queued and have not been taken by the kernel: what a peer that does not read costs in memory.
    /// There is no limit; whoever sends to connections it keeps looks here and drops those that fall behind.
    public var unsentByteCount: Int { slot.unsentByteCount }

    /// Ends the output when everything that was queued is sent: the peer reads the end of the stream, and may go on sending.
    /// What is queued afterwards is not sent. `shutdown(2)`, called directly.
    public func finishOutput() {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.finishesOutput = true
        table.pointee.markDue(slot)
    }

    /// Sends what was queued, then closes: what dropping the connection does, in words.
    ///
    /// The peer reads everything and then the end of the stream, also if it spoke before and was not heard. The end costs four system
    /// calls that do not block: `send(2)`, `shutdown(2)`, a `recv(2)` that looks for unread input, and `close(2)`. A descriptor
    /// stays open until a peer that spoke has ended its side, or one that is behind has been sent everything.
    public consuming func close() {}

    /// Ends the connection at once: the peer gets a reset and may lose what it has not read. What was queued is thrown
    /// away.
    public consuming func reset() {
        table.reset(slot)
        forget()
    }

    /// Takes the connection off its server, once everything that was queued has been sent.
    ///
    /// - Parameter receiver: called once, on the server's thread after the present callback, with the connection. It is told an error instead,
    ///   ``ServerError/Code/connectionEnded``, if what was queued cannot be sent: the peer is gone, or does not read it within
    ///   ``ServerOptions/closeTimeLimit``, or the server's engine fails. The connection is reset then.
    public consuming func detach(to receiver: @escaping (Result<DetachedConnection, ServerError>) -> Void) {
        table.detach(slot, to: receiver)
        forget()
    }

    /// Gives the connection to another server of this process, once everything that was queued has been sent.
    ///
    /// It is delivered there as if it had been accepted there, with what was received on it. If that server has stopped by
    /// then, the connection is closed. To hear of that, use ``detach(to:)`` and ``Server/adopt(_:)``.
    public consuming func handOff<Behavior: NonBlockingServer & ~Copyable>(to server: Server<Behavior>) {
        detach { if case .success(let connection) = $0 { try? server.adopt(connection) } }
    }

    /// Hands the connection out within the callback that was given it, before anything was asked of it: what ``detach(to:)`` does, at once and
    /// without an allocation. The server does not hear of the descriptor's end, so a listener that is parked for want of descriptors does
    /// not notice it, and tries again by time.
    ///
    /// - Returns: its descriptor, for the caller to close; `nil` if something was asked of the connection before, which is closed then.
    package consuming func takeDescriptor() -> Int32? {
        guard let descriptor = table.pointee.handOutUnused(slot) else { return nil }
        forget()
        return descriptor
    }

    /// The place of the listener that the connection came by, among those of its server.
    package var listenerPlace: Int { Int(slot.pointee.listener.index) }

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

    /// Ends the process, in every build, unless this is a connection of that table: a slot of another server's table would
    /// corrupt both servers.
    @inline(__always)
    func expect(in table: UnsafeMutablePointer<ConnectionTable>) {
        if self.table != table { Self.refuseOtherServer() }
    }

    // Not a precondition: an optimized build does not print its words.
    @inline(never)
    private static func refuseOtherServer() -> Never {
        fatalError(
            "a connection was given to another server's context: use Connection.handOff(to:) to give it to that server"
        )
    }

    /// The slot behind the value, which stays open.
    consuming func intoSlot() -> ConnectionTable.Slot {
        let slot = slot
        forget()
        return slot
    }

    private consuming func forget() {
        discard self
    }
}
