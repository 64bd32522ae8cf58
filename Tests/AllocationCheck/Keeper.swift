import NBServer

/// Keeps every connection until the next one comes; then takes it out, greets it and drops it.
struct Keeper: MeteredBehavior {
    var meter: Meter
    private var kept: ConnectionID?

    init(meter: Meter) {
        self.meter = meter
    }

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        meter.noteDelivery()
        if let kept { try context.take(kept).send("No soup for you!\n") }
        kept = context.keep(connection)
        return .continue
    }
}
