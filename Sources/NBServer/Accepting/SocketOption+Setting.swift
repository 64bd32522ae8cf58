internal import NBLibc

// How options are set on sockets, and what is said where the kernel refuses one. Any thread that owns the descriptor.
extension SocketOption.Kind {
    /// Whether the option has a meaning on listen sockets only.
    var isOfListeners: Bool {
        switch self {
        case .backlog, .ipv6Only, .freeBind: true
        case .integer(SOL_SOCKET, SO_REUSEADDR, _, _), .integer(SOL_SOCKET, SO_REUSEPORT, _, _): true
        case .integer(Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, _, _): true
        case .linger, .integer, .invalid, .name, .bytes: false
        }
    }

    /// The kernel's name.
    var name: String {
        switch self {
        case .backlog: "backlog"
        case .ipv6Only: "IPV6_V6ONLY"
        case .freeBind: "IP_FREEBIND"
        case .linger: "SO_LINGER"
        case .integer(_, _, _, let text), .name(_, _, _, let text), .bytes(_, _, _, let text): text
        case .invalid(let error): error.operation
        }
    }

    /// Sets the option.
    ///
    /// - Parameters:
    ///   - descriptor: the socket.
    ///   - family: the family of its address, on which the number of some options of listeners depends.
    ///   - address: its address, for the words of an error.
    /// - Throws: ``ServerError`` if the kernel refuses.
    func set(on descriptor: Int32, family: Int32, address: String?) throws(ServerError) {
        switch self {
        case .backlog:
            break
        case .invalid(let error):
            throw error
        case .ipv6Only(let isOn):
            guard family == AF_INET6 else { break }
            try set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, Int32(isOn ? 1 : 0), on: descriptor, address)
        case .freeBind(let isOn):
            let (level, name) =
                family == AF_INET6 ? (Int32(IPPROTO_IPV6), IPV6_FREEBIND) : (Int32(IPPROTO_IP), IP_FREEBIND)
            try set(level, name, Int32(isOn ? 1 : 0), on: descriptor, address)
        case .linger(let seconds):
            let value = NBLibc.linger(l_onoff: seconds == nil ? 0 : 1, l_linger: seconds ?? 0)
            try set(SOL_SOCKET, SO_LINGER, value, on: descriptor, address)
        case .integer(let level, let name, let value, _):
            try set(level, name, value, on: descriptor, address)
        case .name(let level, let name, let value, _):
            try set(level, name, named: value, on: descriptor, address)
        case .bytes(let level, let name, let value, _):
            let errno = value.withUnsafeBytes { Self.setsockopt(descriptor, level, name, $0) }
            guard errno == 0 else { throw refusal(errno, address) }
        }
    }

    private func set<Value: BitwiseCopyable>(
        _ level: Int32,
        _ option: Int32,
        _ value: Value,
        on descriptor: Int32,
        _ address: String?
    ) throws(ServerError) {
        let errno = withUnsafeBytes(of: value) { Self.setsockopt(descriptor, level, option, $0) }
        guard errno == 0 else { throw refusal(errno, address) }
    }

    private func set(
        _ level: Int32,
        _ option: Int32,
        named value: String,
        on descriptor: Int32,
        _ address: String?
    ) throws(ServerError) {
        let words = " \(value.inQuotes)"
        if let fault = Self.nameFault(level, option, value) {
            throw ServerError(.socket, operation: "setsockopt \(name)\(words)", address: address, cure: fault)
        }
        let terminated = Array(value.utf8) + [0]
        let errno = terminated.withUnsafeBytes { Self.setsockopt(descriptor, level, option, $0) }
        guard errno == 0 else { throw refusal(errno, address, words, Self.nameCure(level, option, errno)) }
    }

    /// Returns the error number, or 0.
    private static func setsockopt(
        _ descriptor: Int32,
        _ level: Int32,
        _ option: Int32,
        _ value: UnsafeRawBufferPointer
    ) -> Int32 {
        errorNumber(NBLibc.setsockopt(descriptor, level, option, value.baseAddress, socklen_t(value.count)))
    }

    /// What is wrong with a name that the kernel would cut short, or take for another wish.
    private static func nameFault(_ level: Int32, _ name: Int32, _ value: String) -> String? {
        if value.utf8.contains(0) { return "there is a zero byte in the name, and the kernel would read no further" }
        // IFNAMSIZ and TCP_CA_NAME_MAX are 16, with the zero byte.
        guard isInterface(level, name) || isCongestionControl(level, name) else { return nil }
        if value.isEmpty { return "the name is empty" }
        return value.utf8.count > 15 ? "the name is longer than 15 bytes, and the kernel would cut it short" : nil
    }

    private static func nameCure(_ level: Int32, _ name: Int32, _ errno: Int32) -> String? {
        switch errno {
        case ENODEV where isInterface(level, name):
            "there is no network interface of that name; see `ip link`"
        case EPERM where isInterface(level, name):
            "a socket that is bound to an interface needs CAP_NET_RAW to be bound to another"
        case ENOENT where isCongestionControl(level, name):
            "the kernel has no algorithm of that name; see the sysctl net.ipv4.tcp_available_congestion_control"
        case EPERM where isCongestionControl(level, name):
            "the algorithm needs CAP_NET_ADMIN or a place in the sysctl net.ipv4.tcp_allowed_congestion_control"
        default: nil
        }
    }

    private static func isInterface(_ level: Int32, _ name: Int32) -> Bool {
        level == SOL_SOCKET && name == SO_BINDTODEVICE
    }

    private static func isCongestionControl(_ level: Int32, _ name: Int32) -> Bool {
        level == Int32(IPPROTO_TCP) && name == TCP_CONGESTION
    }

    /// What is said where the kernel refuses the option.
    func refusal(
        _ errno: Int32,
        _ address: String?,
        _ value: String = "",
        _ cure: String? = nil
    ) -> ServerError {
        let usual = "the kernel does not take this socket option, or not this value, or it needs a privilege"
        return ServerError(
            .socket,
            operation: "setsockopt \(name)\(value)",
            address: address,
            errno: errno,
            cure: cure ?? usual
        )
    }
}
