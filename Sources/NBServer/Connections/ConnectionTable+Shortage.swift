internal import NBEngine
internal import NBLibc

// What the kernel refused to do for connections because it was short of memory. Nothing of it was done, and nothing is wrong with
// the connection; the loop says when to try again (`Shortage`).
extension ConnectionTable {
    var hasRefused: Bool { !refused.isEmpty }

    mutating func noteRefused(_ slot: Slot) {
        refused.append(slot.pointee.token)
    }

    /// Tries again what was refused.
    mutating func retryRefused(on engine: inout some Engine & ~Copyable) {
        let places = refused
        refused = []
        for place in places {
            guard let slot = slot(place) else { continue }
            switch slot.pointee.phase {
            case .open, .closing, .releasing: markDue(slot)
            case .lingering where !slot.pointee.isDiscarding: discardInput(slot, .waiting, on: &engine)
            case .free, .checking, .lingering, .resetting, .outlived: break
            }
        }
    }
}

/// Whether the result of a send means that the kernel had no memory for it, and took nothing.
func isWantOfMemory(_ result: Int32) -> Bool {
    result == -ENOMEM || result == -ENOBUFS
}
