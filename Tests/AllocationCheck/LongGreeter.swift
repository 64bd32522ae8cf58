import NBServer

/// Sends a text of its own, on the heap, which goes through a pooled block.
struct LongGreeter: GreetingBehavior {
    static let greeting = String(repeating: "No soup for you, come back one year! Next!\n\n\n\n\n\n\n\n", count: 20)

    var meter: Meter
    let text: String

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        meter.noteDelivery()
        if meter.isGathering { try gather(connection, context) } else { greet(connection) }
        return .continue
    }

    func greet(_ connection: borrowing Connection) {
        connection.send(text)
    }
}
