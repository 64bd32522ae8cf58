internal import NBEngine
internal import NBLibc

// Descriptors that are handed out, and connections that are lost.
extension ConnectionTable {
    /// What a receiver is to be told: of a descriptor, or why there is none.
    struct HandOut {
        enum Outcome {
            case detached(Int32, unread: [UInt8])
            case ended(CloseCause)
        }

        let outcome: Outcome
        let receiver: Receiver
    }

    typealias Receiver = (Result<DetachedConnection, ServerError>) -> Void

    /// Notes a detached descriptor for handing out, and frees its slot.
    mutating func handOut(_ slot: Slot) {
        if let receiver = receivers.removeValue(forKey: slot.pointee.token.slot) {
            let unread = Array(input(of: slot))
            handOuts.append(HandOut(outcome: .detached(slot.pointee.descriptor, unread: unread), receiver: receiver))
        }
        free(slot)
    }

    /// Hands out a connection of which nothing was asked since it was accepted, and frees its slot. The engine knows nothing of its descriptor
    /// yet.
    mutating func handOutUnused(_ slot: Slot) -> Int32? {
        guard slot.pointee.isUnused else { return nil }
        let descriptor = slot.pointee.descriptor
        _ = slot.pointee.state.on(.detached)
        guard slot.pointee.state.on(.due(.nothing)) == .handOut else {
            preconditionFailure("a connection without anything in flight leaves at once")
        }
        free(slot)
        return descriptor
    }

    /// The descriptor will not be handed out: its receiver is to be told why.
    mutating func failReceiver(_ slot: Slot) {
        guard !receivers.isEmpty, let receiver = receivers.removeValue(forKey: slot.pointee.token.slot) else { return }
        handOuts.append(HandOut(outcome: .ended(slot.pointee.closeCause), receiver: receiver))
    }

    /// A receiver asked too late.
    mutating func failReceiver(_ receiver: @escaping Receiver, because cause: CloseCause) {
        handOuts.append(HandOut(outcome: .ended(cause), receiver: receiver))
    }

    /// Takes what a receiver is to be told. Called between operations on connections, since a receiver may use other connections.
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
    /// Tells receivers what has become of the connections that were to be theirs.
    @inline(__always)
    func handOutDetached(on engine: inout some Engine & ~Copyable, _ control: LoopControl) {
        if !pointee.handOuts.isEmpty { handOutAll(on: &engine, control) }
    }

    @inline(never)
    private func handOutAll(on engine: inout some Engine & ~Copyable, _ control: LoopControl) {
        while let handOut = pointee.takeHandOut() {
            switch handOut.outcome {
            case .detached(let descriptor, let unread):
                let socket = pointee.standIn?(descriptor)
                engine.forget(descriptor)
                let connection = DetachedConnection(descriptor, unread: unread, standIn: socket) { [control] in
                    control.noteFreedDescriptor()
                }
                handOut.receiver(.success(connection))
            case .ended(let cause):
                handOut.receiver(.failure(.notDetached(cause)))
            }
        }
    }

    /// The engine is lost: closes every descriptor by hand, and tells receivers.
    func abandon() {
        pointee.closeByHand()
        while let handOut = pointee.takeHandOut() {
            guard case .ended(let cause) = handOut.outcome else { continue }
            handOut.receiver(.failure(.notDetached(cause)))
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
    /// thread may drop it. A connection that was to be handed out is closed instead.
    fileprivate mutating func closeByHand() {
        for slot in used {
            if slot.pointee.descriptor >= 0 { NBLibc.close(slot.pointee.descriptor) }
            slot.pointee.descriptor = -1
            endAdmission(slot)
            if slot.pointee.phase == .open && !slot.pointee.isKept { outliveServer(slot) }
            failReceiver(slot)
        }
    }
}
