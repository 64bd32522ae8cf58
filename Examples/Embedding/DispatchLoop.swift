// Dispatch's main queue, drained by the main thread's run loop.
//
// The server stays on the thread that called `embed()`, so the queue has to stay on one thread as well. Only the main queue does, and only
// under a run loop: the threads of all other queues come and go, and `dispatchMain()` gives the main queue to such threads.

import Dispatch
import Foundation
import NBServer

@MainActor func serveInDispatchLoop(_ embedded: EmbeddedServer, _ server: Server<NoSoup>, signals: Int32) -> StopReason
{
    let host = DispatchHost(embedded)
    let turns = DispatchSource.makeReadSource(fileDescriptor: embedded.descriptor, queue: .main)
    turns.setEventHandler { MainActor.assumeIsolated { host.turn() } }
    turns.activate()
    let stops = DispatchSource.makeReadSource(fileDescriptor: signals, queue: .main)
    stops.setEventHandler { obeySignal(signals, server) }
    stops.activate()
    while true {
        _ = RunLoop.main.run(mode: .default, before: .distantFuture)
        if let reason = host.end { return reason }
    }
}

/// What the main queue turns.
@MainActor private final class DispatchHost {
    private let embedded: EmbeddedServer
    var end: StopReason?

    init(_ embedded: EmbeddedServer) { self.embedded = embedded }

    func turn() {
        if case .done(let reason) = embedded.turn() { end = reason }
    }
}
