/// How a listener leaves its server together with those of other loops, as the simulated kernel and others see it.
struct SimulatedDeparture {
    /// Clients that were queued when the listener was asked to serve its queue.
    let queued: Int
    /// Those of them that have not been accepted. They are the first in the queue.
    private(set) var unserved: Int
    /// The server has begun to serve the queue, also if the listener rested.
    var hasBegun = false
    /// The listener did not accept at the end of a turn since the loop last waited. What is said then may leave turns later.
    var wasUnable = false
    /// The listeners of all loops have served their queues, or are not waited for.
    var mayClose = false

    init(queued: Int) {
        (self.queued, unserved) = (queued, queued)
    }

    mutating func noteAccepted() {
        unserved = max(0, unserved - 1)
    }
}
