// All listeners at once, as demand wants it. Without the arrays of addresses that the public functions would take.
extension ServerContext {
    /// Lets every listener rest; see ``pauseListener(_:)``.
    func pauseListeners() {
        forEachOpenListener { pauseListener(at: $0) }
    }

    /// Lets every listener accept again; see ``resumeListener(_:)``.
    func resumeListeners() {
        forEachOpenListener { resumeListener(at: $0) }
    }

    private func forEachOpenListener(_ body: (Int) -> Void) {
        let listeners = state.pointee.listeners
        for index in 0..<listeners.pointee.count where !listeners.pointee[index].state.isClosing { body(index) }
    }
}
