// Descriptors that leave: handed out, or freed.
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
        if let receiver = receivers.removeValue(forKey: slot.pointee.place.slot) {
            let unread = Array(input(of: slot))
            handOuts.append(HandOut(descriptor: slot.pointee.descriptor, unread: unread, receiver: receiver))
        }
        free(slot)
    }

    /// The descriptor will not be handed out: forgets who was to receive it.
    mutating func forgetReceiver(_ slot: Slot) {
        guard let receiver = receivers.removeValue(forKey: slot.pointee.place.slot) else { return }
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

    /// Notes that the closing of a descriptor has been submitted.
    mutating func noteFreedDescriptor() {
        hasFreedDescriptor = true
    }

    /// Whether a descriptor was freed since this was last asked.
    mutating func takeFreedDescriptor() -> Bool {
        defer { hasFreedDescriptor = false }
        return hasFreedDescriptor
    }
}
