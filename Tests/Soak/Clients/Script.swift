/// What a client does, from connecting to its end, and what is to become of it.
struct Script {
    /// What may happen to it on the way without anybody's fault.
    enum Risk {
        case none
        /// The server stops, or does not want it: it is refused, or reset before it has heard anything. Once it has heard the first byte, it
        /// is owed the rest.
        case stop
        /// Somebody cuts the connection at any moment; then it is rude.
        case cut
    }

    let steps: [Step]
    var outcome = Outcome.greeted
    var risk = Risk.none

    static let greeting = Script(steps: [.connect, .greeting, .end])
    static let echo = Script(
        steps: [.connect, .greeting, .sayIdentity, .hearIdentity, .end],
        outcome: .echoed
    )
    static let payload = Script(steps: [.connect, .greeting, .payload(Payload.bytes.count), .end])
    /// Its `newConnection` throws.
    static let failure = Script(steps: [.connect, .end], outcome: .turnedAway)
    /// The server resets it, perhaps before it knows that it is connected.
    static let reset = Script(steps: [.connect, .cutOff], outcome: .turnedAway, risk: .stop)

    /// The same, at a risk.
    func risking(_ risk: Risk) -> Script {
        var script = self
        script.risk = risk
        return script
    }
}
