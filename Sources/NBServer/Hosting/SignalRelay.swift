/// Lets loops hear of some signals, for as long as it exists.
///
/// Made before the loops run and dropped after they have ended, by the thread that runs or awaits them.
struct SignalRelay: ~Copyable {
    private var entries: [Int] = []
    private let signals: [Signal]

    /// Watches `signals` for `controls`.
    init(_ signals: [Signal], for controls: [LoopControl]) throws(ServerError) {
        self.signals = Array(Set(signals))
        for control in controls { entries.append(try SignalRegistry.shared.register(control, self.signals)) }
    }

    deinit {
        for entry in entries { SignalRegistry.shared.unregister(entry, signals) }
    }
}
