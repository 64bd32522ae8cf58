/// All connections that waited when ``Arrivals/nextBatch()`` returned.
///
/// ```swift
/// import NBServer
///
/// func greet(_ arrivals: Arrivals) async {
///     while var batch = await arrivals.nextBatch() {
///         while let arrival = batch.next() {
///             arrival.send("hello")
///             arrival.close()
///         }
///     }
/// }
/// ```
///
/// A connection counts as delivered when it is taken from the batch. When the batch is dropped, connections that were not taken are reset
/// and counted as discarded, also if its task is cancelled or an error is thrown. Any task.
public struct ArrivalBatch: ~Copyable, Sendable {
    private let channel: ArrivalChannel
    private let batch: (ids: ConnectionList, head: Int)
    private var position: Int

    init(_ batch: (ids: ConnectionList, head: Int), _ channel: ArrivalChannel) {
        self.channel = channel
        self.batch = batch
        position = batch.head
    }

    deinit {
        channel.giveBack(batch, taken: position)
    }

    /// How many connections are left.
    public var count: Int { batch.ids.count - position }

    /// Takes the next connection, in order of arrival; `nil` at the end of the batch.
    public mutating func next() -> Arrival? {
        guard position < batch.ids.count else { return nil }
        defer { position += 1 }
        return Arrival(batch.ids[position], channel)
    }
}
