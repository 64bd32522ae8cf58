/// What one loop has to do with one limit: the permits it has in hand for connections that are about to be delivered, and those that
/// have come back.
///
/// Part of the ``AdmissionDesk`` or of a ``ListenerAccount``; loop's thread only.
struct PermitAccount {
    let counter: PermitCounter
    private let request: PermitRequest
    /// The loop is in line for more, or was when it last looked.
    private var isWaiting = false

    /// Permits taken, and not yet any connection's.
    private(set) var inHand = 0
    /// Permits of connections that have ended, not given back yet.
    var returned = 0

    init(_ counter: PermitCounter, _ control: LoopControl) {
        self.counter = counter
        request = PermitRequest(control)
    }

    /// Whether fewer permits than these are free.
    func isNearLimit(_ count: Int) -> Bool { counter.free < count }

    /// Whether a permit has come free that the loop waits for, and that was not granted because the loop was awake.
    var canRenew: Bool { isWaiting && counter.free > 0 }

    /// Takes permits for connections that have come, as far as there are any.
    mutating func take(for count: Int) {
        if count > inHand { inHand += counter.take(count - inHand) }
    }

    /// A connection is delivered.
    mutating func use() { inHand -= 1 }

    /// Gives back what is not needed, and has the loop wait for the rest of what is.
    mutating func settle(needing count: Int) {
        if count > inHand || isWaiting {
            inHand += counter.renew(request, for: max(0, count - inHand))
            isWaiting = count > inHand
        }
        let surplus = max(0, inHand - count) + returned
        inHand = min(inHand, count)
        returned = 0
        if surplus > 0 { counter.give(surplus) }
    }
}
