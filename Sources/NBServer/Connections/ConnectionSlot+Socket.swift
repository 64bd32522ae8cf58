internal import NBLibc

// What is asked of a connection's socket itself. System calls that do not block; loop's thread only.
extension UnsafeMutablePointer<ConnectionSlot> {
    /// How the connection came to its server.
    var origin: ConnectionOrigin {
        pointee.listener == .none ? .adopted : .listener(ListenerID(server: pointee.server, key: pointee.listener))
    }

    /// The peer's address in the kernel's spelling.
    var rawPeerAddress: SocketAddress? {
        let descriptor = pointee.descriptor
        return SocketAddress.reading { getpeername(descriptor, $0, $1) }
    }

    /// The address that the peer connected to.
    var localAddress: SocketAddress? {
        let descriptor = pointee.descriptor
        return SocketAddress.reading { getsockname(descriptor, $0, $1) }?.unmapped
    }

    /// Lends the descriptor, unless the connection has ended, or begun to.
    func withDescriptor<Value, Failure>(_ body: (Int32) throws(Failure) -> Value) throws(Failure) -> Value? {
        guard pointee.phase == .open else { return nil }
        return try body(pointee.descriptor)
    }
}

extension ConnectionTable {
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
            try kind.set(on: slot.pointee.descriptor, family: AF_UNSPEC, address: nil)
        }
        if option.makesCloseWait { closesWait = true }
    }
}
