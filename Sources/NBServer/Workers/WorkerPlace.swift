/// Where the worker of a connection is: in which of the server's tables, and where there.
///
/// Part of the connection's slot; loop's thread only.
struct WorkerPlace: Hashable {
    /// From 1; 0 is no worker.
    let table: UInt16
    let index: UInt32

    static let none = WorkerPlace(table: 0, index: 0)
}
