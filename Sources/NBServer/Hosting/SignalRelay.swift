/// Lets a loop hear of some signals, for as long as it exists.
///
/// Made before the loop runs and dropped after it has ended, by the thread that runs it.
struct SignalRelay: ~Copyable {
    private let entry: Int
    private let signals: [Signal]

    /// Watches `signals` for `control`.
    init(_ signals: [Signal], for control: LoopControl) throws(ServerError) {
        let signals = Array(Set(signals))
        entry = try SignalRegistry.shared.register(control, signals)
        self.signals = signals
    }

    deinit {
        SignalRegistry.shared.unregister(entry, signals)
    }
}
