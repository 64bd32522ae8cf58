internal import NBLibc

// What is asked of a connection's socket itself. System calls that do not block; loop's thread only.
extension UnsafeMutablePointer<ConnectionSlot> {
    /// How the connection came to its server.
    var origin: ConnectionOrigin {
        pointee.listener == .none ? .adopted : .listener(ListenerID(server: pointee.server, key: pointee.listener))
    }

    /// Lends the descriptor, unless the connection has ended, or begun to.
    func withDescriptor<Value, Failure>(_ body: (Int32) throws(Failure) -> Value) throws(Failure) -> Value? {
        guard pointee.phase == .open else { return nil }
        return try body(pointee.descriptor)
    }
}

extension ConnectionTable {
    /// The peer's address in the kernel's spelling.
    func rawPeerAddress(of slot: Slot) -> SocketAddress? {
        let descriptor = slot.pointee.descriptor
        if let standIn { return standIn(descriptor)?.peerAddress }
        return SocketAddress.reading { getpeername(descriptor, $0, $1) }
    }

    /// The address that the peer connected to.
    func localAddress(of slot: Slot) -> SocketAddress? {
        let descriptor = slot.pointee.descriptor
        if let standIn { return standIn(descriptor)?.localAddress?.unmapped }
        return SocketAddress.reading { getsockname(descriptor, $0, $1) }?.unmapped
    }

    /// Sets an option of a connection's socket.
    mutating func set(_ option: SocketOption, on slot: Slot) throws(ServerError) {
        guard slot.pointee.phase == .open else {
            let cure = "the connection has ended, or begun to; its options do not matter any more"
            throw ServerError(.connectionEnded, operation: "setsockopt", cure: cure)
        }
        try option.expectValid()
        for kind in option.kinds {
            guard !kind.isOfListeners else {
                let cure = "the option is of listen sockets: give it to the listener, by ServerOptions.socketOptions"
                throw ServerError(.invalidOption, operation: "setsockopt \(kind.name)", cure: cure)
            }
            if standIn == nil { try kind.set(on: slot.pointee.descriptor, family: AF_UNSPEC, address: nil) }
        }
        if let socket = standIn?(slot.pointee.descriptor) { try set(option, on: socket) }
        note([option])
    }

    private func set(_ option: SocketOption, on socket: any StandInSocket) throws(ServerError) {
        let errno = socket.set(option)
        guard errno != 0, let kind = option.kinds.first else { return }
        throw kind.refusal(errno, nil)
    }
}
