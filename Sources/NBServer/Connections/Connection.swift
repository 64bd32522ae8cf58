internal import NBLibc

/// An accepted connection. This value owns it.
///
/// Requests are queued, and done when the callback has returned. When the value is dropped, the server sends what is queued and closes. A
/// peer that takes none of the queued bytes for ``ServerOptions/closeTimeLimit`` is reset. A peer whose input was not received is heard out
/// first; see ``ServerOptions/lingerTimeLimit``.
///
/// The value belongs to the server's thread and may be used only in callbacks; a debug build checks that. A connection that is held beyond
/// the server's end has been reset, and requests to it do nothing. The descriptor is non-blocking and closed on exec.
public struct Connection: ~Copyable {
    private let table: UnsafeMutablePointer<ConnectionTable>
    private let ownSlot: ConnectionTable.Slot

    init(_ table: UnsafeMutablePointer<ConnectionTable>, _ slot: ConnectionTable.Slot) {
        self.table = table
        ownSlot = slot
    }

    /// The slot of the connection. Every access goes through here; a debug build checks that it comes from the server's thread.
    @inline(__always)
    var slot: ConnectionTable.Slot {
        table.pointee.assertOnLoopThread(ownSlot)
        return ownSlot
    }

    // Out of line: `close()` has the same code, and identical-code merging would make one a jump to the other.
    @inline(never)
    deinit {
        table.drop(slot)
    }

    /// Queues a text, as UTF-8. Bytes are sent in the order in which they were queued. `send(2)`.
    ///
    /// If the bytes cannot be sent, usually because the peer is gone, the connection is reset when it is dropped. That costs this
    /// connection only.
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
        table.pointee.send(buffer, on: slot)
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) {
        table.pointee.send(bytes, on: slot)
    }

    /// Out of line: inlined, it would retain and release every text.
    @inline(never)
    private func sendCopy(of text: String) {
        send(Array(text.utf8))
    }

    /// How many queued bytes the kernel has not taken yet: what a peer that does not read costs in memory. There is no limit. Code that
    /// sends to kept connections looks here, and drops connections that fall behind.
    public var unsentByteCount: Int { slot.unsentByteCount }

    /// Ends the output when everything queued is sent. The peer reads the end of the stream, and may go on sending. Bytes that are queued
    /// afterwards are not sent. `shutdown(2)`.
    public func finishOutput() {
        guard slot.pointee.phase == .open else { return }
        slot.pointee.finishesOutput = true
        table.pointee.markDue(slot)
    }

    /// Sends what is queued, then closes. Dropping the connection does the same.
    ///
    /// The peer reads everything and then the end of the stream, even if it sent input that was not received. The end takes four system
    /// calls, none of which blocks: `send(2)`, `shutdown(2)`, a `recv(2)` that looks for unread input, and `close(2)`. Connections that end in
    /// the same turn share a `poll(2)` and a `close_range(2)` instead of the last two. The descriptor stays open until a peer that spoke has
    /// ended its side, or a peer that is behind has been sent everything.
    public consuming func close() {}

    /// Ends the connection at once. The peer gets a reset and may lose what it has not read. What is queued is dropped.
    public consuming func reset() {
        table.reset(slot)
        forget()
    }

    /// Takes the connection off its server when everything queued is sent.
    ///
    /// - Parameter receiver: called once, on the server's thread after the present callback, with the connection. It gets
    ///   ``ServerError/Code/connectionEnded`` instead, and the connection is reset, if the peer is gone before everything is sent, the peer
    ///   does not read it within ``ServerOptions/closeTimeLimit``, or the engine fails.
    public consuming func detach(to receiver: @escaping (Result<DetachedConnection, ServerError>) -> Void) {
        table.detach(slot, to: receiver)
        forget()
    }

    /// Gives the connection to another server of this process when everything queued is sent.
    ///
    /// The other server receives the connection as if it had accepted it, with the input that was received on it. If that server has
    /// stopped, the connection is closed. To hear of that, use ``detach(to:)`` and ``Server/adopt(_:)``.
    public consuming func handOff<Behavior: NonBlockingServer & ~Copyable>(to server: Server<Behavior>) {
        detach { if case .success(let connection) = $0 { try? server.adopt(connection) } }
    }

    /// Hands the descriptor out within the callback that was given the connection, before any request: ``detach(to:)`` at once and without
    /// an allocation. The server does not hear of the descriptor's end, so a listener that is parked for want of descriptors tries again by
    /// time only.
    ///
    /// - Returns: the descriptor, which the caller closes. `nil` if the connection had a request before; it is closed then.
    package consuming func takeDescriptor() -> Int32? {
        guard let descriptor = table.pointee.handOutUnused(slot) else { return nil }
        forget()
        return descriptor
    }

    /// The index of the listener that accepted the connection, among its server's listeners.
    package var listenerPlace: Int { Int(slot.pointee.listener.index) }

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

    /// Ends the process, in every build, unless the connection is of `table`. A slot of another server's table would corrupt both servers.
    @inline(__always)
    func expect(in table: UnsafeMutablePointer<ConnectionTable>) {
        if self.table != table { Self.refuseOtherServer() }
    }

    // Not a precondition, because an optimized build does not print its message.
    @inline(never)
    private static func refuseOtherServer() -> Never {
        fatalError(
            "a connection was given to another server's context: use Connection.handOff(to:) to give it to that server"
        )
    }

    /// The slot, which stays open.
    consuming func intoSlot() -> ConnectionTable.Slot {
        let slot = slot
        forget()
        return slot
    }

    private consuming func forget() {
        discard self
    }
}
