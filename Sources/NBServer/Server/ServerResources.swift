/// What the thread that runs a server takes with it; one thread after the other has it.
///
/// Not part of the ``Server``'s generic type, so that a loop is made where the compiler knows its engine.
struct ServerResources: @unchecked Sendable {
    let behavior: BehaviorBox
    let sockets: [ListenSocket]
    let socketOptions: [SocketOption]
    let observer: (any ServerObserver)?
}
