internal import Uring

/// What callbacks may touch of a running loop.
///
/// Owned by the loop and kept at one address, to which connections and contexts point; none of it depends on the type of
/// the engine or of the behavior. Loop's thread only.
struct LoopState: ~Copyable {
    let connections: UnsafeMutablePointer<ConnectionTable>
    let counters: UnsafeMutablePointer<ServerCounters>
    /// The bound addresses of the listeners, in the order in which they were given.
    let addresses: [SocketAddress]
    let features: RingFeatures

    init(options: ServerOptions, closesWait: Bool, addresses: [SocketAddress], features: RingFeatures) {
        counters = .allocate(capacity: 1)
        counters.initialize(to: ServerCounters())
        connections = .allocate(capacity: 1)
        connections.initialize(
            to: ConnectionTable(
                closeTimeLimit: options.closeTimeLimit,
                closesWait: closesWait,
                counters: counters
            )
        )
        self.addresses = addresses
        self.features = features
    }

    deinit {
        connections.letGo()
        counters.deallocate()
    }
}
