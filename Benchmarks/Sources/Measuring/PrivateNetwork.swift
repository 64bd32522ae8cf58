internal import Glibc

/// A network namespace of this process's own and of the servers it starts, with nothing but a loopback interface: its ports are
/// all free, and the kernel's counters in it tell of these processes only.
///
/// Its settings are the kernel's defaults, whatever the machine's are, and it has none of the machine's firewall rules. Figures from
/// inside are not to be compared with figures from outside.
package enum PrivateNetwork {
    /// This process may not have one.
    package struct Refusal: Error, CustomStringConvertible {
        package let description: String
    }

    private static let newUser: Int32 = 0x1000_0000  // CLONE_NEWUSER
    private static let newNetwork: Int32 = 0x4000_0000  // CLONE_NEWNET

    /// Moves this process there. To be called before there are other threads.
    ///
    /// - Throws: ``Refusal`` if it stays where it was, ``Failure`` if the loopback interface could not be switched on.
    package static func enter() throws {
        typealias Unshare = @convention(c) (Int32) -> Int32
        // Swift's Glibc module leaves it out.
        guard let address = dlsym(nil, "unshare") else { throw Refusal(description: "there is no unshare(2) here") }
        let unshare = unsafeBitCast(address, to: Unshare.self)
        // The second is for users other than root.
        guard unshare(newNetwork) == 0 || unshare(newUser | newNetwork) == 0 else {
            let cause = Failure(call: "unshare(2)")
            throw Refusal(description: "\(cause): a private network needs root, or user namespaces")
        }
        try switchLoopbackOn()
    }

    /// A new namespace's is off.
    private static func switchLoopbackOn() throws {
        let socket = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        defer { close(socket) }
        // A `struct ifreq`: the name in 16 bytes, then, for this request, the flags in two.
        var request = [UInt8](repeating: 0, count: 40)
        request.replaceSubrange(0..<2, with: Array("lo".utf8))
        let isUp: UInt8 = 1  // IFF_UP
        request[16] = isUp
        let setFlags: UInt = 0x8914  // SIOCSIFFLAGS
        guard ioctl(socket, setFlags, &request) == 0 else { throw Failure(call: "ioctl SIOCSIFFLAGS") }
    }
}
