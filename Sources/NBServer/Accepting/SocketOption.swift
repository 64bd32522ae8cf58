internal import NBLibc

/// An option of listen sockets and, through them, of connections.
///
/// Options are set between `socket(2)` and `listen(2)`. The kernel copies most of them to accepted sockets; each option says whether. Of
/// two options that set the same thing, only the later is set.
///
/// Without any option:
///
/// - `SO_REUSEADDR`, `TCP_NODELAY` and `SO_KEEPALIVE` are on;
/// - the backlog is the longest that the kernel allows;
/// - an IPv6 socket takes IPv4 connections as well.
///
/// Listening with a value that is out of its range throws ``ServerError/Code/invalidOption``. Numbers and seconds are from 0 to
/// 2,147,483,647 unless the option says otherwise.
public struct SocketOption: Hashable, Sendable {
    // The comment of an option says what it does, its unit and range, its default, whether accepted sockets inherit it, its kernel name
    // and its man page. Its test in `SocketOptionTests` reads it back from a listener and from an accepted socket; one with a range has a
    // line in that suite's table of ranges as well.
    enum Kind: Hashable, Sendable {
        case backlog(Int32)
        case ipv6Only(Bool)
        /// By either of two numbers, as the address is.
        case freeBind(Bool)
        case linger(Int32?)
        case integer(level: Int32, name: Int32, value: Int32, text: String)
        /// The value is out of its range; setting the option throws this error.
        case invalid(ServerError)
        /// A value that is a name; the kernel gets it with a zero byte at its end.
        case name(level: Int32, name: Int32, value: String, text: String)
        case bytes(level: Int32, name: Int32, value: [UInt8], text: String)

        /// Whether closing a socket with this option may wait. Bytes for `SO_LINGER` are not looked into.
        var mayMakeCloseWait: Bool {
            if case .linger(let seconds) = self { (seconds ?? 0) > 0 } else { target == [SOL_SOCKET, SO_LINGER] }
        }

        /// Whether polling a socket with this option may not tell of input that is there.
        var mayHideInput: Bool { target == [SOL_SOCKET, SO_RCVLOWAT] }

        /// Whether it sets the same thing, to whatever value.
        func sets(theSameAs other: Kind) -> Bool { target != nil && target == other.target }

        private var target: [Int32]? {
            switch self {
            case .backlog: []
            case .ipv6Only: [Int32(IPPROTO_IPV6), IPV6_V6ONLY]
            case .freeBind: [Int32(IPPROTO_IP), IP_FREEBIND]
            case .linger: [SOL_SOCKET, SO_LINGER]
            case .integer(let level, let name, _, _): [level, name]
            case .name(let level, let name, _, _): [level, name]
            case .bytes(let level, let name, _, _): [level, name]
            case .invalid: nil
            }
        }
    }

    let kinds: [Kind]

    private init(_ kinds: Kind...) {
        self.kinds = kinds
    }

    /// What an option comes to if its value is in its range.
    private static func checked<Value: Comparable>(
        _ name: String,
        _ value: Value,
        _ range: ClosedRange<Value>,
        _ kind: Kind
    ) -> Kind {
        guard !range.contains(value) else { return kind }
        let words = "from \(range.lowerBound) to \(range.upperBound)"
        return .invalid(OptionRange.error("SocketOption.\(name)", value, words))
    }

    private static let counts = 0...Int(Int32.max)
    private static let times = Duration.zero...Duration.seconds(Int32.max)
    /// The kernel's, `MAX_TCP_KEEPIDLE` and `MAX_TCP_KEEPINTVL`.
    private static let keepAliveTimes = Duration.shortest...Duration.seconds(32_767)

    /// Refuses a value that is out of its range.
    package func expectValid() throws(ServerError) {
        for case .invalid(let error) in kinds { throw error }
    }

    private static func integer(_ level: Int32, _ name: Int32, _ value: Int32, _ text: String) -> Kind {
        .integer(level: level, name: name, value: value, text: text)
    }

    /// How many established connections may wait to be accepted. The kernel cuts the length to `net.core.somaxconn`, which is also the
    /// default. Not inherited. `listen(2)`.
    public static func backlog(_ length: Int) -> SocketOption {
        SocketOption(checked("backlog", length, counts, .backlog(Int32(clamping: length))))
    }

    /// Whether the address may be bound while connections of an earlier server linger on it. On by default. Inherited. `SO_REUSEADDR`,
    /// `socket(7)`.
    public static func reuseAddress(_ isOn: Bool) -> SocketOption {
        SocketOption(integer(SOL_SOCKET, SO_REUSEADDR, isOn ? 1 : 0, "SO_REUSEADDR"))
    }

    /// Whether several sockets may listen on the address, each with a share of the connections. Inherited. `SO_REUSEPORT`, `socket(7)`.
    ///
    /// Each socket has a queue of its own. When a socket is closed, the clients in its queue are reset, even though another socket could
    /// have served them. With the sysctl `net.ipv4.tcp_migrate_req` at 1 (Linux 5.14, off by default), the kernel moves them to another
    /// socket.
    public static func reusePort(_ isOn: Bool) -> SocketOption {
        SocketOption(integer(SOL_SOCKET, SO_REUSEPORT, isOn ? 1 : 0, "SO_REUSEPORT"))
    }

    /// Whether small amounts of data are sent at once instead of being collected. On by default. Off, an answer in two sends waits for the
    /// client's acknowledgment of the first, which a silent client delays by 40 ms. Inherited. `TCP_NODELAY`, `tcp(7)`.
    public static func noDelay(_ isOn: Bool) -> SocketOption {
        SocketOption(integer(Int32(IPPROTO_TCP), TCP_NODELAY, isOn ? 1 : 0, "TCP_NODELAY"))
    }

    /// Whether idle connections are probed, with the kernel's times: after two hours, unless `net.ipv4.tcp_keepalive_time` says otherwise.
    /// On by default: without probes, the connection of a peer that lost its power stays open for ever. Inherited. `SO_KEEPALIVE`,
    /// `socket(7)`.
    public static func keepAlive(_ isOn: Bool) -> SocketOption {
        SocketOption(integer(SOL_SOCKET, SO_KEEPALIVE, isOn ? 1 : 0, "SO_KEEPALIVE"))
    }

    /// Probes connections that were idle for `idle`, every `interval`, and ends them after `probes` without an answer. The times are above
    /// zero, rounded up to seconds, and at most 32,767 seconds. The probes are 1 to 127. Inherited. `SO_KEEPALIVE`, `TCP_KEEPIDLE`,
    /// `TCP_KEEPINTVL`, `TCP_KEEPCNT`, `tcp(7)`.
    public static func keepAlive(idle: Duration, interval: Duration, probes: Int) -> SocketOption {
        let tcp = Int32(IPPROTO_TCP)
        let idling = integer(tcp, TCP_KEEPIDLE, idle.wholeSeconds, "TCP_KEEPIDLE")
        let pause = integer(tcp, TCP_KEEPINTVL, interval.wholeSeconds, "TCP_KEEPINTVL")
        let count = integer(tcp, TCP_KEEPCNT, Int32(clamping: probes), "TCP_KEEPCNT")
        return SocketOption(
            integer(SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE"),
            checked("keepAlive(idle:)", idle, keepAliveTimes, idling),
            checked("keepAlive(interval:)", interval, keepAliveTimes, pause),
            checked("keepAlive(probes:)", probes, 1...127, count)
        )
    }

    /// How long closing a socket waits for its peer to take everything, in whole seconds. Zero makes closing a reset. `nil` leaves it to
    /// the kernel. Inherited. A time above zero is for descriptors that are detached. Where the server itself closes, it first switches the
    /// option off with a system call, because its loop must not wait; see ``ServerOptions/closeTimeLimit``. `SO_LINGER`, `socket(7)`.
    public static func linger(_ time: Duration?) -> SocketOption {
        guard let time else { return SocketOption(.linger(nil)) }
        return SocketOption(checked("linger", time, times, .linger(time.wholeSeconds)))
    }

    /// The size of the receive buffer in bytes. The kernel doubles it. Inherited. `SO_RCVBUF`, `socket(7)`.
    public static func receiveBuffer(_ size: Int) -> SocketOption {
        let kind = integer(SOL_SOCKET, SO_RCVBUF, Int32(clamping: size), "SO_RCVBUF")
        return SocketOption(checked("receiveBuffer", size, counts, kind))
    }

    /// The size of the send buffer in bytes. The kernel doubles it. Inherited. `SO_SNDBUF`, `socket(7)`.
    public static func sendBuffer(_ size: Int) -> SocketOption {
        let kind = integer(SOL_SOCKET, SO_SNDBUF, Int32(clamping: size), "SO_SNDBUF")
        return SocketOption(checked("sendBuffer", size, counts, kind))
    }

    /// Accepts a connection only when its client has sent something, or after this time, rounded up to the kernel's retransmission times.
    /// Not inherited. `TCP_DEFER_ACCEPT`, `tcp(7)`.
    public static func deferAccept(_ time: Duration) -> SocketOption {
        let kind = integer(Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, time.wholeSeconds, "TCP_DEFER_ACCEPT")
        return SocketOption(checked("deferAccept", time, times, kind))
    }

    /// Whether an IPv6 socket takes IPv6 connections only. Off by default. No effect on IPv4. Inherited. `IPV6_V6ONLY`, `ipv6(7)`.
    public static func ipv6Only(_ isOn: Bool) -> SocketOption {
        SocketOption(.ipv6Only(isOn))
    }

    /// Whether the socket may be bound to an address that no interface of this machine has, or not yet, such as one that moves between
    /// machines. Clients come once an interface has it. Off by default. Inherited. `IP_FREEBIND`, `ip(7)`; for IPv6 `IPV6_FREEBIND`, which
    /// does the same.
    public static func freeBind(_ isOn: Bool) -> SocketOption {
        SocketOption(.freeBind(isOn))
    }

    /// How long sent data may stay unacknowledged before the kernel ends the connection, rounded up to milliseconds, at most 2,147,483,647
    /// of them. Zero leaves it to the kernel. Inherited. `TCP_USER_TIMEOUT`, `tcp(7)`.
    public static func userTimeout(_ time: Duration) -> SocketOption {
        let kind = integer(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, time.wholeMilliseconds, "TCP_USER_TIMEOUT")
        return SocketOption(checked("userTimeout", time, .zero ... .milliseconds(Int32.max), kind))
    }

    /// Takes only connections that come in by this network interface, whatever the address. At most 15 bytes, such as `eth0`. Inherited.
    /// Without privileges, a socket that is bound to an interface cannot be bound to another one. `SO_BINDTODEVICE`, `socket(7)`.
    public static func bindToDevice(_ interface: String) -> SocketOption {
        SocketOption(.name(level: SOL_SOCKET, name: SO_BINDTODEVICE, value: interface, text: "SO_BINDTODEVICE"))
    }

    /// The congestion control algorithm, such as `reno` or `bbr`. At most 15 bytes. The sysctl `net.ipv4.tcp_available_congestion_control`
    /// lists the algorithms. Those that are not in `net.ipv4.tcp_allowed_congestion_control` need `CAP_NET_ADMIN`. Inherited.
    /// `TCP_CONGESTION`, `tcp(7)`.
    public static func congestionControl(_ algorithm: String) -> SocketOption {
        SocketOption(
            .name(level: Int32(IPPROTO_TCP), name: TCP_CONGESTION, value: algorithm, text: "TCP_CONGESTION")
        )
    }

    /// Any other option whose value is an integer, by the kernel's numbers. `setsockopt(2)`.
    public static func raw(level: Int32, name: Int32, value: Int32) -> SocketOption {
        SocketOption(integer(level, name, value, Self.number(name, of: level)))
    }

    /// Any other option whose value is a name, by the kernel's numbers. The kernel gets the name with a zero byte at its end.
    /// `setsockopt(2)`.
    public static func raw(level: Int32, name: Int32, value: String) -> SocketOption {
        SocketOption(.name(level: level, name: name, value: value, text: Self.number(name, of: level)))
    }

    /// Any other option whose value is a structure, by the kernel's numbers. The kernel gets exactly these bytes. `setsockopt(2)`.
    public static func raw(level: Int32, name: Int32, bytes: [UInt8]) -> SocketOption {
        SocketOption(.bytes(level: level, name: name, value: bytes, text: Self.number(name, of: level)))
    }

    private static func number(_ name: Int32, of level: Int32) -> String { "option \(name) of level \(level)" }
}

extension Duration {
    /// The shortest time above zero.
    fileprivate static let shortest = Duration(secondsComponent: 0, attosecondsComponent: 1)

    // What an option takes is so much shorter than the longest duration that cutting to it first loses nothing.
    private var seconds: Int64 { Int64(Int32(clamping: components.seconds)) }

    fileprivate var wholeSeconds: Int32 {
        Int32(clamping: seconds + (components.attoseconds > 0 ? 1 : 0))
    }

    // Up as well, because a time that is above zero must not become the kernel's default.
    fileprivate var wholeMilliseconds: Int32 {
        Int32(clamping: seconds * 1000 + (components.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
