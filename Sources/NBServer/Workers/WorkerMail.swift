/// Something to be delivered to a worker, if it is still there by then.
///
/// Owned by the loop's state until the present callback has returned; loop's thread only.
struct WorkerMail {
    let connection: ConnectionID
    let deliver: (WorkerBox, UInt32, borrowing WorkerConnection) throws -> Void
}
