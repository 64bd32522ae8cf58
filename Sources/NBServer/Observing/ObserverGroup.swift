/// Several observers in the place of one. Each hears what the group hears, in their order.
///
/// ```swift
/// import NBServer
///
/// struct Echo: ConnectionWorker {
///     func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) { connection.send(bytes) }
/// }
///
/// struct Log: ServerObserver {
///     func observe(_ events: [ServerEvent], _ counters: ServerCounters) { print(events) }
/// }
///
/// struct Gauge: ServerObserver {
///     func observe(_ events: [ServerEvent], _ counters: ServerCounters) { print("\(counters.open) open") }
/// }
///
/// let server = try Server(listening: "127.0.0.1:7007", observer: ObserverGroup(Log(), Gauge())) { _ in Echo() }
/// ```
///
/// The observers' time on the server's thread adds up. A group may contain groups. A group belongs to one server, and to that server's
/// thread.
public final class ObserverGroup: LoadObserver, @unchecked Sendable {
    private let observers: [any ServerObserver]
    /// The counters at the last call to the observers that do not observe the load.
    private var toldCounters = ServerCounters()

    /// A group of these observers. There may be none.
    public convenience init(_ observers: any ServerObserver...) {
        self.init(observers)
    }

    /// A group of these observers. There may be none.
    public init(_ observers: [any ServerObserver]) {
        self.observers = observers
    }

    /// Calls each observer. An observer that does not observe the load is called only if there is an event or a counter has changed.
    public func observe(_ events: [ServerEvent], _ counters: ServerCounters, _ load: ServerLoad) {
        let isNews = !events.isEmpty || counters != toldCounters
        toldCounters = counters
        for observer in observers {
            if let observer = observer as? any LoadObserver {
                observer.observe(events, counters, load)
            } else if isNews {
                observer.observe(events, counters)
            }
        }
    }
}
