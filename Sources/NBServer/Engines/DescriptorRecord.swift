/// What an ``EpollEngine`` knows of one descriptor: what waits there, what may be done without waiting, and whether epoll watches.
///
/// Owned by the ``DescriptorTable``, at an address that never changes; the engine's thread only. A new record is right for a
/// descriptor of which nothing is known.
///
/// ```
///  unwatched ── something waits for input ──▶ input ── a send waits ──▶ all
///      ▲  ╲───── a send waits ─────────────────┼────────────────────────▲
///      │                                       │                        │
///      ├── closed, forgotten, accepted anew ───┴────────────────────────┤
///      │                                                                │ the descriptor may have been closed
///      │                                                                ▼ behind the engine's back
///      └── closed, forgotten, accepted anew ───────────────────────── unsure ── something waits: asked again ──▶ input, all
/// ```
struct DescriptorRecord {
    enum Watch: UInt8 {
        /// Not registered with epoll.
        case unwatched
        /// Registered for input and hang-up, edge-triggered. A socket is writable from its first moment, so that most never wait for
        /// output, and epoll would tell of each that it is writable.
        case input
        /// Registered for output as well.
        case all
        /// Perhaps registered. An accept or a plain read has ended, and such descriptors are closed without the engine being told.
        case unsure
    }

    /// Which owner of the number is meant. It goes into epoll's events, and so tells those that were meant for an earlier owner.
    var generation: UInt32 = 0
    var watch = Watch.unwatched
    /// Reading may find something. `false` once it has not, until epoll says otherwise.
    var mayRead = true
    /// The same for writing.
    var mayWrite = true
    /// The peer has ended its side, or sent urgent data: that a read has found less than it could hold does not mean that nothing is
    /// left.
    var hasMoreThanBytes = false
    /// The number is in the list of those with work left.
    var isListed = false
    /// The length of a listener's next run of accepts, if it is one; unused for other descriptors.
    var acceptRun = AcceptRun()
    /// The number of the enter that has accepted the descriptor; 0 for one that came otherwise.
    var enterNumber: UInt32 = 0
    /// What waits for input, first come first served: indices of ``WaitingOperations``, below 0 if nothing does.
    var firstInput: Int32 = -1
    /// The same for output.
    var firstOutput: Int32 = -1

    var hasWaiting: Bool { firstInput >= 0 || firstOutput >= 0 }

    /// Epoll tells of what comes.
    var isWatched: Bool { watch == .input || watch == .all }

    /// What epoll is to tell of.
    var interest: EventPoll.Interest { firstOutput < 0 ? .input : .all }

    /// Something that waits can go on.
    var hasWork: Bool { firstInput >= 0 && mayRead || firstOutput >= 0 && mayWrite }

    /// The number has another owner, of which nothing is known. Nothing may wait.
    mutating func reset() {
        generation &+= 1
        watch = .unwatched
        acceptRun = AcceptRun()
        enterNumber = 0
        expectNothing()
    }

    /// What is known may be an earlier owner's.
    mutating func doubt() {
        if isWatched { watch = .unsure }
        expectNothing()
    }

    private mutating func expectNothing() {
        mayRead = true
        mayWrite = true
        hasMoreThanBytes = false
    }
}
