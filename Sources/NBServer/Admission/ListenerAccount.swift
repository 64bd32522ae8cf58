internal import NBEngine

/// What one loop knows of one of its listeners in order to admit its clients.
///
/// At one address, to which the listener and its connections point, until the listener is closed and they have ended. Owned by the
/// ``AdmissionDesk``; loop's thread only.
struct ListenerAccount {
    let desk: UnsafeMutablePointer<AdmissionDesk>
    let address: SocketAddress
    var permits: PermitAccount
    var tokens: TokenAccount
    /// Connections that are open and came by the listener.
    var openCount = 0
    /// Connections that were accepted and wait to be delivered.
    var waitingCount = 0
    /// Connections of the completions that are about to be acted on.
    var arrivingCount = 0
    /// It is on the desk's list of those to be settled.
    var isBusy = false
    /// Its listener is closed.
    var isClosed = false
    /// The behavior was told that it is at a limit.
    var isToldAtLimit = false
    /// At which limit its last client came that was not let in at once.
    var lastLimit = AdmissionReason.open

    /// Nothing will ask for it any more.
    var isOver: Bool { isClosed && openCount == 0 && waitingCount == 0 }

    /// Keeps, or asks for, as many permits as there may soon be tokens for.
    mutating func settlePermits(_ prospect: Int, at now: Instant) {
        let count = waitingCount == 0 ? 0 : min(waitingCount, prospect, tokens.prospect(at: now))
        permits.settle(needing: count)
    }

    /// How many connections could be delivered if there were permits for all of them in all.
    var deliverableCount: Int { tokens.suffice(for: min(waitingCount, permits.inHand)) }
}

extension UnsafeMutablePointer<ListenerAccount> {
    /// One of its connections has ended, or left.
    @inline(never)
    func noteEnd(source: Int32) {
        pointee.desk.pointee.giveSource(source)
        pointee.openCount -= 1
        pointee.permits.returned += 1
        pointee.desk.pointee.all.returned += 1
        noteBusy()
    }

    /// A connection that was admitted is shed: there is no descriptor for it.
    func noteAdmittedInVain(source: Int32) { noteEnd(source: source) }

    /// Its listener is closed. Connections that wait are to be discarded.
    func noteClosed() {
        pointee.isClosed = true
        if pointee.waitingCount > 0 { pointee.desk.pointee.hasOrphans = true }
        noteBusy()
    }

    func noteBusy() {
        guard !pointee.isBusy else { return }
        pointee.isBusy = true
        pointee.desk.pointee.busy.append(self)
    }
}
