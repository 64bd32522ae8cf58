internal import CNBServer
internal import NBLibc
internal import NBServer
internal import Synchronization

/// What a server has for its program, and the calls by which the program gets it.
///
/// The loop tells its observer once a turn, after the connections of that turn: then the batch is handed over, then what happened is
/// told. Shared by the ``HostedServer``, its behavior and its loop; the batch and the calls are the loop's thread's, the rest any thread's.
final class Deliveries: ServerObserver, @unchecked Sendable {
    let batch: UnsafeMutablePointer<Batch>
    private let onEvent: nb_on_event?
    private let context: UnsafeMutableRawPointer?
    private let counters = Lock(nb_counters())
    /// The thread that is in a callback of the program's, as pthread_self(3) says it, or 0.
    private let callbackThread = Atomic<UInt>(0)

    init(_ options: HostedServerOptions) {
        batch = .allocate(capacity: 1)
        batch.initialize(to: Batch(options))
        onEvent = options.onEvent
        context = options.context
    }

    deinit {
        batch.deinitialize(count: 1)
        batch.deallocate()
    }

    /// Whether the calling thread is in one of this server's callbacks.
    var isInCallback: Bool { callbackThread.load(ordering: .relaxed) == currentThreadNumber() }

    /// What the server had counted when its last turn ended.
    var lastCounters: nb_counters { counters.withLock { $0 } }

    func observe(_ events: [ServerEvent], _ counters: ServerCounters) {
        self.counters.withLock { $0 = nb_counters(counters) }
        if !batch.pointee.isEmpty { flush() }
        guard let onEvent else { return }
        for event in events {
            guard let (number, text) = Self.inWords(event) else { continue }
            callBack { text.withCString { onEvent(context, Int32(number), $0) } }
        }
    }

    /// Hands the batch over, which is not empty.
    func flush() {
        callBack { batch.pointee.flush() }
    }

    private func callBack(_ body: () -> Void) {
        callbackThread.store(currentThreadNumber(), ordering: .relaxed)
        body()
        callbackThread.store(0, ordering: .relaxed)
    }

    /// What a program is told of an event; `nil` for what does not concern it.
    private static func inWords(_ event: ServerEvent) -> (Int, String)? {
        switch event {
        case .began(_, let engine): (NB_EVENT_BEGAN, engine.description)
        case .listenerAdded(let address): (NB_EVENT_LISTENING, address.description)
        case .info(.listenerParked(_, let cause)): (NB_EVENT_PARKED, cause.description)
        case .info(.listenerShedding(_, let cause)): (NB_EVENT_SHEDDING, cause.description)
        case .info(.listenerRecovered(let address)): (NB_EVENT_RECOVERED, address.description)
        case .info(.listenerDown(_, let cause)): (NB_EVENT_DOWN, cause.description)
        case .info(.draining(let limit)): (NB_EVENT_DRAINING, "within \(limit)")
        case .terminated(let reason): (NB_EVENT_ENDED, reason.description)
        case .info, .listenerPaused, .listenerResumed, .messageUndelivered, .suspended, .resumed: nil
        }
    }
}

extension nb_counters {
    fileprivate init(_ counters: ServerCounters) {
        self.init()
        accepted = counters.accepted
        delivered = counters.delivered
        discarded = counters.discarded
        shed = counters.discardedByReason[.descriptors]
        armed = counters.armed
        accept_failures = counters.acceptFailures
    }
}
