// A loop around epoll(7), as in a program that has one.

import CLinux
import NBServer

func serveInEpollLoop(_ embedded: EmbeddedServer, _ server: Server<NoSoup>, signals: Int32) -> StopReason {
    let epoll = epoll_create1(0)
    for descriptor in [embedded.descriptor, signals] {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
        epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
    }
    var events = [epoll_event](repeating: epoll_event(), count: 16)
    while true {
        let count = epoll_wait(epoll, &events, Int32(events.count), -1)
        for event in events.prefix(max(0, Int(count))) {
            if event.data.fd == embedded.descriptor {
                if case .done(let reason) = embedded.turn() { return reason }
            } else {
                obeySignal(signals, server)
            }
        }
    }
}
