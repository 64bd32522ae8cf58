internal import Glibc
internal import Measuring
internal import Synchronization

/// Whom released connections are given to: a thread that gives each client its identity back and closes.
///
/// Lives as long as the process. Any thread may give it a connection; its own thread alone uses them.
final class Echo: Sendable {
    private struct Guest {
        let descriptor: Int32
        var heard: [UInt8] = []
    }

    let echoed = Atomic<Int>(0)
    /// Clients that left before they had said who they are.
    let abandoned = Atomic<Int>(0)

    private let newcomers = Mutex<[Int32]>([])
    private let wakeUp: (readEnd: Int32, writeEnd: Int32)

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(call: "pipe") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        wakeUp = (ends[0], ends[1])
    }

    func adopt(_ descriptor: Int32) {
        newcomers.withLock { $0.append(descriptor) }
        var byte: UInt8 = 0
        // A full pipe wakes just as well.
        _ = write(wakeUp.writeEnd, &byte, 1)
    }

    func run() -> Never {
        var guests: [Guest] = []
        while true {
            var polled = guests.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            polled.append(pollfd(fd: wakeUp.readEnd, events: Int16(POLLIN), revents: 0))
            guard poll(&polled, nfds_t(polled.count), -1) > 0 else { continue }
            let isAwake = polled.removeLast().revents != 0
            guests = zip(guests, polled).compactMap { guest, polled in
                polled.revents == 0 ? guest : served(guest)
            }
            if isAwake { guests += takeNewcomers() }
        }
    }

    private func takeNewcomers() -> [Guest] {
        var bytes = [UInt8](repeating: 0, count: 4096)
        while read(wakeUp.readEnd, &bytes, bytes.count) > 0 {}
        return newcomers.withLock { newcomers in
            defer { newcomers = [] }
            return newcomers.map { Guest(descriptor: $0) }
        }
    }

    /// Hears a guest; `nil` once it is done with.
    private func served(_ guest: Guest) -> Guest? {
        var guest = guest
        let wanted = MemoryLayout<UInt64>.size - guest.heard.count
        var bytes = [UInt8](repeating: 0, count: wanted)
        let count = recv(guest.descriptor, &bytes, wanted, 0)
        if count < 0 && (errno == EAGAIN || errno == EINTR) { return guest }
        guard count > 0 else {
            abandoned.add(1, ordering: .relaxed)
            close(guest.descriptor)
            return nil
        }
        guest.heard += bytes.prefix(count)
        guard count == wanted else { return guest }
        // A handful of bytes always fits.
        send(guest.descriptor, guest.heard, guest.heard.count, Int32(MSG_NOSIGNAL))
        echoed.add(1, ordering: .relaxed)
        close(guest.descriptor)
        return nil
    }
}
