import NBServer

/// Sends an array of its own, which goes through a pooled block.
struct LongBytesGreeter: MeteredBehavior {
    var meter: Meter
    let bytes: [UInt8]

    mutating func newConnection(_ connection: consuming Connection, in context: borrowing ServerContext) -> Verdict {
        meter.noteDelivery()
        connection.send(bytes)
        return .continue
    }
}
