import Glibc
import NBUring

/// What one thread waits for and another rings: an event descriptor, read and written in the usual, blocking way.
final class Bell: Sendable {
    private let event: EventDescriptor

    init() throws {
        event = try EventDescriptor()
    }

    func ring() {
        event.signal()
    }

    func wait() {
        var count: UInt64 = 0
        while read(event.descriptor, &count, MemoryLayout<UInt64>.size) < 0 && errno == EINTR {}
    }
}
