import NBServer

/// A measured behavior that greets connections as they come, and can greet a crowd at once.
///
/// How many connections of a burst the server has open at a time, and so how much memory it comes to need, differs a
/// little from burst to burst. So while it warms up it is made to have the whole of the first burst open, with
/// something to send to each: more it can never need.
protocol GreetingBehavior: MeteredBehavior {
    func greet(_ connection: borrowing Connection)
}

extension GreetingBehavior {
    /// Keeps the connections of the first burst, and greets them all when it is complete.
    mutating func gather(_ connection: consuming Connection, _ context: borrowing ServerContext) throws {
        meter.crowd.append(context.keep(connection))
        guard meter.crowd.count == meter.crowdSize else { return }
        for id in meter.crowd { greet(try context.take(id)) }
    }
}
