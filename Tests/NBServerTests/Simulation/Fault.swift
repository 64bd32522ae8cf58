/// What a simulated kernel, its clients and its neighbors do to a server.
enum Fault: Int, CaseIterable {
    // An accept fails: every row of `AcceptFailure`.
    case connectionError, foreignCancellation, exhaustion, refusal, unknownError, listenerShutDown, listenerLost
    /// Somebody else in the process takes descriptors, or gives some back.
    case neighborTakesDescriptors
    /// No descriptor is left when an accept wants one.
    case outOfDescriptors

    /// An arm ends with a valid descriptor because the completion queue is full.
    case fullCompletionQueue
    /// An arm ends with a valid descriptor for no reason.
    case endWithConnection
    /// A completion has to wait until others have been taken.
    case overflow
    /// Completions of different operations change places.
    case reordering
    /// Not everything that has completed is there yet.
    case partialBatch
    /// The submission queue is full: what is in it is carried out early.
    case fullSubmissionQueue
    /// The kernel has no memory for all that was submitted, and takes some or none of it (`EAGAIN`).
    case congestion

    /// A cancelled operation goes on for a while (`EALREADY`).
    case cancelTooLate
    /// There is nothing to cancel any more (`ENOENT`).
    case cancelInVain
    /// Connections come between a cancel and the end of its accept.
    case connectionsWhileCancelling

    /// A completion for the arm before this one, with a descriptor in it.
    case staleAccept
    /// A completion for whoever had the connection's slot before.
    case staleConnection
    /// A completion nobody has submitted anything for.
    case unknownToken

    /// No memory for receive buffers.
    case noBuffers
    /// A receive finds none.
    case outOfBuffers
    /// A multishot receive ends with bytes because the completion queue is full, or for no reason.
    case fullQueueForReceive, endWithBytes
    /// A receive gives less than there is.
    case shortReceive
    /// A receive fails; somebody else cancels it; bytes come between a cancel and the end of its receive.
    case receiveError, receiveCancelled, bytesWhileCancelling
    /// The end of a stream comes with a buffer.
    case bufferWithTheEnd

    /// A send, a receive, a discard, the read of the wake-up or the return of a buffer finds the kernel without memory.
    case outOfMemory

    /// A client speaks between the server's look for what it has said, and the close.
    case speechIntoTheClose

    case clientReset, shortSend, sendError, interruption
    case spuriousWakeUp, clockJump
    /// What could complete is left for the next time that the kernel is entered.
    case workLeft

    /// The ring fails for good.
    case lostRing

    /// The most it may happen, in a thousand times that it could.
    var highestRate: Int {
        switch self {
        case .lostRing: 2
        case .listenerShutDown, .listenerLost: 5
        case .receiveError: 30
        case .clockJump, .unknownToken: 20
        case .staleAccept, .staleConnection, .spuriousWakeUp, .neighborTakesDescriptors: 100
        case .connectionError: 1000
        case .shortReceive: 600
        default: 300
        }
    }
}

/// How often each fault happens in one history, drawn from its seed: some never, some now and then, some often, so that
/// every history is bad in its own way.
struct FaultRates {
    private var permille: [Int]

    /// No fault happens.
    static let none = FaultRates()

    private init() {
        permille = Fault.allCases.map { _ in 0 }
    }

    init(_ random: inout Randomness) {
        permille = Fault.allCases.map { fault in
            switch random.below(3) {
            case 0: 0
            case 1: 1 + fault.highestRate / 20
            default: 1 + random.below(fault.highestRate)
            }
        }
        // Nothing else, for long enough to see that it is not tried again and again.
        if random.chance(20) { permille[Fault.connectionError.rawValue] = Fault.connectionError.highestRate }
    }

    subscript(fault: Fault) -> Int { permille[fault.rawValue] }
}
