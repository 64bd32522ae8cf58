/// Lets loops hear of some signals, for as long as it exists.
///
/// Made before the loops run and dropped after they have ended, by the thread that runs or awaits them.
final class SignalRelay: Sendable {
    private let entries: [Int]
    private let signals: [Signal]

    /// Watches the signals for `controls`.
    init(_ roles: SignalRoles, for controls: [LoopControl]) throws(ServerError) {
        let signals = Array(roles.signals)
        var entries: [Int] = []
        do throws(ServerError) {
            for control in controls {
                control.setSignals(roles)
                entries.append(try SignalRegistry.shared.register(control, signals))
            }
        } catch {
            for entry in entries { SignalRegistry.shared.unregister(entry, signals) }
            throw error
        }
        self.entries = entries
        self.signals = signals
    }

    deinit {
        for entry in entries { SignalRegistry.shared.unregister(entry, signals) }
    }
}
