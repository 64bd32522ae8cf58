internal import NBEngine

/// What the thread that runs a server takes with it; one thread after the other has it.
///
/// Not part of the ``Server``'s generic type, so that a loop is made where the compiler knows its engine.
struct ServerResources: @unchecked Sendable {
    let behavior: BehaviorBox
    let sockets: [ListenSocket]
    let observer: (any ServerObserver)?
}

extension Loop where LoopEngine: ~Copyable, Calls == KernelSocketCalls {
    /// A server's loop, on an engine of production.
    init(
        _ resources: ServerResources,
        _ control: LoopControl,
        _ options: ServerOptions,
        on engine: consuming LoopEngine
    ) {
        self.init(
            engine: engine,
            calls: KernelSocketCalls(),
            sockets: resources.sockets,
            behavior: resources.behavior,
            control: control,
            options: options,
            observer: resources.observer
        )
    }
}
