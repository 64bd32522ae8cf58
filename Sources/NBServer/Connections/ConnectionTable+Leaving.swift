internal import NBEngine
internal import NBLibc

// Descriptors that are handed out, and connections that are lost.
extension ConnectionTable {
    /// A released descriptor, unless it came to nothing, and who was to have it.
    struct HandOut {
        let descriptor: Int32?
        let unread: [UInt8]
        let receiver: Receiver
    }

    typealias Receiver = (consuming ReleasedConnection) -> Void

    /// Notes a released descriptor for handing out, and frees its slot.
    mutating func handOut(_ slot: Slot) {
        if let receiver = receivers.removeValue(forKey: slot.pointee.token.slot) {
            let unread = Array(input(of: slot))
            handOuts.append(HandOut(descriptor: slot.pointee.descriptor, unread: unread, receiver: receiver))
        }
        free(slot)
    }

    /// Hands out a connection of which nothing was asked since it was accepted, and frees its slot. The engine knows nothing of its descriptor
    /// yet.
    mutating func handOutUnused(_ slot: Slot) -> Int32? {
        guard slot.pointee.isUnused else { return nil }
        let descriptor = slot.pointee.descriptor
        _ = slot.pointee.state.on(.released)
        guard slot.pointee.state.on(.due(.nothing)) == .handOut else {
            preconditionFailure("a connection without anything in flight leaves at once")
        }
        free(slot)
        return descriptor
    }

    /// The descriptor will not be handed out: forgets who was to receive it.
    mutating func forgetReceiver(_ slot: Slot) {
        guard let receiver = receivers.removeValue(forKey: slot.pointee.token.slot) else { return }
        handOuts.append(HandOut(descriptor: nil, unread: [], receiver: receiver))
    }

    /// Takes a descriptor to hand out, or only its receiver to drop. Outside of settling, since both may use other
    /// connections.
    mutating func takeHandOut() -> HandOut? {
        handOuts.popFirst()
    }

    /// A kept connection has ended by itself.
    mutating func lose(_ slot: Slot) {
        if !slot.pointee.hasWorker { lost.append(slot.id) }
        drop(slot)
    }

    /// Whether there are kept connections that have ended by themselves.
    var hasLost: Bool { !lost.isEmpty }

    /// Takes the name of a kept connection that has ended by itself.
    mutating func takeLost() -> ConnectionID? {
        lost.popFirst()
    }
}

extension UnsafeMutablePointer<ConnectionTable> {
    /// Hands out what was released.
    func handOutReleased(on engine: inout some Engine & ~Copyable, _ control: LoopControl) {
        while let handOut = pointee.takeHandOut() {
            guard let descriptor = handOut.descriptor else { continue }
            engine.forget(descriptor)
            handOut.receiver(
                ReleasedConnection(descriptor, unread: handOut.unread) { [control] in control.noteFreedDescriptor() }
            )
        }
    }
}

// How all connections end with their server.
extension ConnectionTable {
    /// The behavior has terminated: every connection that is still open ends. Those that the behavior dropped already do.
    mutating func endAll() {
        for slot in used where slot.pointee.phase == .open {
            if slot.pointee.isKept { drop(slot) } else { outliveServer(slot) }
        }
    }

    /// The server's patience is over: connections that have not ended are reset.
    mutating func expireEnding() {
        for slot in used where slot.pointee.isEnding { expire(slot) }
    }

    /// The engine is lost: closes every descriptor by hand. A `Connection` value that still exists outlives the server, and any
    /// thread may drop it. A connection that was to be handed out is closed instead, and its receiver is dropped.
    mutating func abandon() {
        for slot in used {
            if slot.pointee.descriptor >= 0 { NBLibc.close(slot.pointee.descriptor) }
            slot.pointee.descriptor = -1
            endAdmission(slot)
            if slot.pointee.phase == .open && !slot.pointee.isKept { outliveServer(slot) }
            forgetReceiver(slot)
        }
        while takeHandOut() != nil {}
    }
}
