/// Lets loops hear of some signals, for as long as it exists. Each signal reaches all of them or none.
///
/// Made before the loops run and dropped after they have ended, by the thread that runs or awaits them.
final class SignalRelay: Sendable {
    private let entry: Int
    private let signals: [Signal]

    /// Watches the signals for `controls`.
    init(_ roles: SignalRoles, for controls: [LoopControl]) throws(ServerError) {
        signals = Array(roles.signals)
        for control in controls { control.setSignals(roles) }
        entry = try SignalRegistry.shared.register(controls, signals)
    }

    deinit {
        SignalRegistry.shared.unregister(entry, signals)
    }
}
