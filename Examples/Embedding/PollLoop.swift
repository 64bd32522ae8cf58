// A loop around poll(2).

import NBServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

func serveInPollLoop(_ embedded: EmbeddedServer, _ server: Server<NoSoup>, signals: Int32) -> StopReason {
    var watched = [embedded.descriptor, signals].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
        guard poll(&watched, nfds_t(watched.count), -1) > 0 else { continue }
        if watched[0].revents != 0, case .done(let reason) = embedded.turn() { return reason }
        if watched[1].revents != 0 { obeySignal(signals, server) }
    }
}
