/// A worker whose connection has ended, and that has not been told yet.
///
/// Owned by the ``ConnectionTable`` until the loop tells the worker; loop's thread only.
struct EndedWorker {
    let place: WorkerPlace
    let ending: Ending
}
