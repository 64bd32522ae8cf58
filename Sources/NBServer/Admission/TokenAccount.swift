internal import NBEngine

/// What one loop has to do with one rate: the tokens it has in hand for connections that are about to be delivered, and when it gets the
/// next.
///
/// Part of the ``AdmissionDesk`` or of a ``ListenerAccount``; loop's thread only.
struct TokenAccount {
    let bucket: TokenBucket
    /// Tokens taken, and not yet any connection's; and when the bucket was full before.
    private var inHand = 0
    private var since: Int64 = 0
    /// When a token is there that was promised. It is lost if nothing waits for it by then: others were promised later ones because of it.
    private var promised: Instant?

    init(_ bucket: TokenBucket) {
        self.bucket = bucket
    }

    /// Whether there are fewer tokens than these.
    // Mutating, as below: for a method that is not, the compiler retains the bucket.
    @inline(__always)
    mutating func isNearLimit(_ count: Int, at now: Instant) -> Bool { bucket.available(at: now) < count }

    /// For how many of `count` connections there are tokens in hand.
    func suffice(for count: Int) -> Int { bucket.isLimited ? min(count, inHand) : count }

    /// How many connections might be delivered soon, one at the least.
    func prospect(at now: Instant) -> Int {
        let (sum, isTooMuch) = bucket.available(at: now).addingReportingOverflow(inHand)
        return isTooMuch ? .max : max(1, sum)
    }

    /// Takes tokens for connections that have come, as far as there are any.
    mutating func take(for count: Int, at now: Instant) {
        guard bucket.isLimited, count > inHand else { return }
        if let time = promised {
            guard time <= now else { return }
            promised = nil
        }
        note(bucket.take(count - inHand, at: now))
    }

    private mutating func note(_ taken: (count: Int, since: Int64)) {
        since = inHand == 0 ? taken.since : min(since, taken.since)
        inHand += taken.count
    }

    /// A connection is delivered.
    mutating func use() {
        if bucket.isLimited { inHand -= 1 }
    }

    /// Gives back what is not needed, and has one promised for what waits.
    ///
    /// - Returns: when that will be there; `nil` if nothing is lacking, or nothing will come.
    mutating func settle(needing count: Int, at now: Instant) -> Instant? {
        guard bucket.isLimited else {
            reset()
            return nil
        }
        if let time = promised, time <= now, count > inHand {
            promised = nil
            note((1, bucket.redeem(time, at: now)))
        }
        take(for: count, at: now)
        giveBack(max(0, inHand - count), at: now)
        guard count > inHand else { return nil }
        if promised == nil { promised = bucket.promise(at: now) }
        return promised
    }

    /// Gives all of them back: nothing can be delivered now, and tokens that are kept would be too many later.
    mutating func giveBackAll(at now: Instant) { giveBack(inHand, at: now) }

    private mutating func giveBack(_ count: Int, at now: Instant) {
        guard count > 0 else { return }
        inHand -= count
        bucket.give(count, since: since, at: now)
    }

    /// The rate is another one: what was taken of the old one does not count.
    mutating func reset() {
        (inHand, promised) = (0, nil)
    }
}
