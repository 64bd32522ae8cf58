import NBServer

/// The control: every so many connections it makes an object, keeps it in two places, and forgets the previous one.
struct Waster: MeteredBehavior {
    private final class Waste {}

    var meter: Meter
    private let interval: Int
    private var one: Waste
    private var other: Waste

    init(meter: Meter, interval: Int) {
        self.meter = meter
        self.interval = interval
        one = Waste()
        other = one
    }

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        meter.noteDelivery()
        if meter.delivered % interval == 0 { waste() }
        connection.send("No soup for you!\n")
        return .continue
    }

    /// One allocation and one retain, two releases, of which one frees.
    private mutating func waste() {
        let waste = Waste()
        one = waste
        other = waste
    }
}
