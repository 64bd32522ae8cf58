/// How `withListener` accepts. A value that is out of its range is an error, ``ServerError/Code/invalidOption``.
public struct ArrivalOptions: Hashable, Sendable {
    /// How the server behind `withListener` runs.
    public var server: ServerOptions

    /// How many connections may wait to be taken before the listeners pause: 1 or more.
    ///
    /// Connections that the kernel has accepted by then are delivered all the same: at most ``ServerOptions/quantum`` more. Other clients
    /// wait in the accept queues.
    public var highWater: Int

    /// How many waiting connections are left when the listeners resume: from 0 to one less than ``highWater``.
    public var lowWater: Int

    /// Options with these values; see the properties. The defaults let a quantum of connections wait.
    public init(server: ServerOptions = ServerOptions(), highWater: Int = 256, lowWater: Int = 64) {
        self.server = server
        self.highWater = highWater
        self.lowWater = lowWater
    }

    func expectValid() throws(ServerError) {
        try OptionRange.expect("ArrivalOptions.highWater", highWater, in: 1...Int.max)
        try OptionRange.expect("ArrivalOptions.lowWater", lowWater, in: 0...highWater - 1)
    }
}
