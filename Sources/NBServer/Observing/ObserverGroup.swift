/// Several observers in the place of one: each is told what a server tells the group, in their order.
///
/// What one of them takes on the server's thread, all of them take together. A group may be of groups. One server's; its thread only.
public final class ObserverGroup: LoadObserver, @unchecked Sendable {
    private let observers: [any ServerObserver]
    /// What those were told last that do not observe the load.
    private var toldCounters = ServerCounters()

    /// A group of these, which may be none.
    public convenience init(_ observers: any ServerObserver...) {
        self.init(observers)
    }

    /// A group of these, which may be none.
    public init(_ observers: [any ServerObserver]) {
        self.observers = observers
    }

    /// Tells each observer: one that does not observe the load only if there is an event or something was counted.
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
