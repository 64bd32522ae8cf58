// A loop that never waits, as in a game or a trading program: a turn that finds nothing costs two system calls.

import NBServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

func serveInBusyLoop(_ embedded: EmbeddedServer, _ server: Server<NoSoup>, signals: Int32) -> StopReason {
    _ = fcntl(signals, F_SETFL, O_NONBLOCK)
    while true {
        // A small budget, so that the program's other work is not kept waiting.
        if case .done(let reason) = embedded.turn(budget: 64) { return reason }
        obeySignal(signals, server)
    }
}
