/// What a stream of connections came to.
struct StreamResult: Sendable {
    var ledger = ConnectionLedger()
    /// From when it was due (open loop) or begun (closed loop) until it was established.
    var connecting = Latencies()
    /// The same until the first byte of the answer.
    var firstByte = Latencies()
    /// The same until the server has ended the connection.
    var whole = Latencies()
    /// How late connections began: the generator's own fault, and part of the latencies.
    var lateness = Latencies()
    var bytes = 0

    /// How late connections began is in the latencies: where it is most of them, they are the generator's and not the server's.
    var isMostlyLate: Bool { lateness.quantile(99) > 0.5 * firstByte.quantile(99) }

    mutating func add(_ other: StreamResult) {
        ledger.add(other.ledger)
        connecting.add(other.connecting)
        firstByte.add(other.firstByte)
        whole.add(other.whole)
        lateness.add(other.lateness)
        bytes += other.bytes
    }
}
