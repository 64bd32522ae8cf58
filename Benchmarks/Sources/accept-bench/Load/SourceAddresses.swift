import Glibc
import LoopbackClient
import Measuring

/// The addresses connections come from, in turn.
///
/// Between one address and one port of a server there are only as many connections as ephemeral ports, 28,232 by default; from
/// many addresses there are as many times more. The port is chosen when connecting (`IP_BIND_ADDRESS_NO_PORT`), so that
/// addresses do not share the ports.
struct SourceAddresses: Sendable {
    /// Of 127.0.0.0/24; 0 leaves the choice to the kernel.
    let count: Int

    static let most = 250
    static let kernels = SourceAddresses(count: 0)

    /// As many as there can be: for servers of this machine.
    static func spread(for targets: [TargetAddress]) -> SourceAddresses {
        targets.allSatisfy(\.isLoopback) ? SourceAddresses(count: most) : kernels
    }

    static func spread(for target: TargetAddress) -> SourceAddresses { spread(for: [target]) }

    /// A socket that is bound to the address whose turn it is. It blocks: the ring waits, not the socket.
    func makeSocket(_ turn: Int, family: Int32) throws -> Int32 {
        let socket = socket(family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Failure(call: "socket") }
        do {
            // Closing is a reset: nothing is left in TIME_WAIT on this side.
            try Self.set(SOL_SOCKET, SO_LINGER, of: socket, to: linger(l_onoff: 1, l_linger: 0))
            if count > 0 { try bind(socket, to: UInt32(1 + turn % count)) }
        } catch {
            close(socket)
            throw error
        }
        return socket
    }

    private func bind(_ socket: Int32, to last: UInt32) throws {
        try Self.set(Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, of: socket, to: Int32(1))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = (0x7f00_0000 + last).bigEndian
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(call: "bind to 127.0.0.\(last)") }
    }

    static func setOrderlyEnd(_ socket: Int32) {
        try? set(SOL_SOCKET, SO_LINGER, of: socket, to: linger(l_onoff: 0, l_linger: 0))
    }

    private static func set<Value: BitwiseCopyable>(
        _ level: Int32,
        _ option: Int32,
        of socket: Int32,
        to value: Value
    ) throws {
        let result = withUnsafePointer(to: value) {
            setsockopt(socket, level, option, $0, socklen_t(MemoryLayout<Value>.size))
        }
        guard result == 0 else { throw Failure(call: "setsockopt") }
    }
}
