/// Something to be delivered to a worker, if it is still there by then.
struct WorkerMail {
    let connection: ConnectionID
    let deliver: (WorkerBox, UInt32, borrowing WorkerConnection) throws -> Void
}
