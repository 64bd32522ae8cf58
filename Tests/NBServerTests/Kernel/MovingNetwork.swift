import Glibc

/// A network namespace of the calling thread and of the threads that it starts, in which the kernel moves the queue of a listener that closes
/// to others on the port: `net.ipv4.tcp_migrate_req`, since Linux 5.14.
enum MovingNetwork {
    private static let newNetwork: Int32 = 0x4000_0000  // CLONE_NEWNET
    private static let setting = "/proc/sys/net/ipv4/tcp_migrate_req"

    /// Whether the kernel moves queues in the calling thread's namespace.
    static var isMoving: Bool {
        let descriptor = open(setting, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var digit: UInt8 = 0
        return read(descriptor, &digit, 1) == 1 && digit == UInt8(ascii: "1")
    }

    /// Moves the calling thread there; returns whether it may.
    static func enter() -> Bool {
        typealias Unshare = @convention(c) (Int32) -> Int32
        // Swift's Glibc module leaves it out.
        guard let address = dlsym(nil, "unshare") else { return false }
        guard unsafeBitCast(address, to: Unshare.self)(newNetwork) == 0 else { return false }
        switchLoopbackOn()
        let descriptor = open(setting, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        write(descriptor, "1", 1)
        return true
    }

    private static func switchLoopbackOn() {
        let socket = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        // A `struct ifreq`: the name in 16 bytes, then, for this request, the flags in two.
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<2, with: Array("lo".utf8))
        request[16] = 1  // IFF_UP
        _ = ioctl(socket, 0x8914, &request)  // SIOCSIFFLAGS
    }
}
