// All listeners at once, as demand wants it. Without the arrays of addresses that the public functions would take.
extension ServerContext {
    /// Lets every listener rest; see ``pauseListener(on:)``.
    func pauseListeners() {
        forEachOpenListener { listeners, index in
            listeners.pointee.apply(listeners.pointee[index].state.pause(), index)
            state.pointee.note(.listenerPaused(listeners.pointee[index].socket.address))
        }
    }

    /// Lets every listener accept again; see ``resumeListener(on:)``.
    func resumeListeners() {
        forEachOpenListener { listeners, index in
            listeners.pointee.apply(listeners.pointee[index].state.resume(), index)
            state.pointee.note(.listenerResumed(listeners.pointee[index].socket.address))
        }
    }

    private func forEachOpenListener(_ body: (UnsafeMutablePointer<ListenerTable>, Int) -> Void) {
        let listeners = state.pointee.listeners
        for index in 0..<listeners.pointee.count where !listeners.pointee[index].state.isClosing {
            body(listeners, index)
        }
    }
}
