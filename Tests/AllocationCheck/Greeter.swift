import NBServer

/// What soup does: a literal, which fits into the connection itself.
struct Greeter: GreetingBehavior {
    static let greeting = "No soup for you!\n"

    var meter: Meter

    mutating func newConnection(
        _ connection: consuming Connection,
        in context: borrowing ServerContext
    ) throws -> Verdict {
        meter.noteDelivery()
        if meter.isGathering { try gather(connection, context) } else { greet(connection) }
        return .continue
    }

    func greet(_ connection: borrowing Connection) {
        connection.send("No soup for you!\n")
    }
}
