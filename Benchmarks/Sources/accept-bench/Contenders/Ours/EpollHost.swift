import CEpoll
import Glibc
import Measuring
import NBServer

/// A program with a loop of its own around epoll, which turns nb-server when its descriptor is readable.
///
/// The loop watches one thing beside the server: a pipe that a handler of SIGINT and SIGTERM writes to.
enum EpollHost {
    /// The end of the pipe for the handler, which can reach nothing else.
    nonisolated(unsafe) private static var signalPipe: Int32 = -1

    /// Serves until a signal comes.
    static func serve<Behavior>(_ server: Server<Behavior>) throws {
        let embedded = try server.embed()
        let signals = try watchSignals()
        let epoll = epoll_create1(O_CLOEXEC)
        guard epoll >= 0 else { throw Failure(call: "epoll_create1") }
        defer { close(epoll) }
        try watch(embedded.descriptor, epoll)
        try watch(signals, epoll)
        var events = [epoll_event](repeating: epoll_event(), count: 16)
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), -1)
            guard count >= 0 || errno == EINTR else { throw Failure(call: "epoll_wait") }
            for index in 0..<max(0, Int(count)) {
                if events[index].data.fd == signals {
                    var byte: UInt8 = 0
                    _ = read(signals, &byte, 1)
                    server.requestStop()
                } else if case .done(let reason) = embedded.turn() {
                    if case .failed(let error) = reason { throw error }
                    return
                }
            }
        }
    }

    private static func watch(_ descriptor: Int32, _ epoll: Int32) throws {
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw Failure(call: "epoll_ctl") }
    }

    private static func watchSignals() throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(call: "pipe") }
        signalPipe = ends[1]
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                var byte: UInt8 = 0
                _ = write(EpollHost.signalPipe, &byte, 1)
            }
        }
        return ends[0]
    }
}
