internal import NBEngine
internal import NBLibc

// What the kernel refused to do for connections because it was short of memory. Nothing of it was done, and nothing is wrong with
// the connection; the loop says when to try again (`Shortage`).
extension ConnectionTable {
    var hasRefused: Bool { !refused.isEmpty }

    /// Tries again what was refused.
    mutating func retryRefused(on engine: inout some Engine & ~Copyable) {
        let places = refused
        refused = []
        for place in places {
            guard let slot = slot(place) else { continue }
            switch slot.pointee.state.on(.rested) {
            case .hearOut: hearOut(slot, on: &engine)
            case let action: settle(action, slot)
            }
        }
    }
}
