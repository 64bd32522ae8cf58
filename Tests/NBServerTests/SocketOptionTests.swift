import Glibc
import Testing

@testable import NBServer

/// Every socket option, read back from the listen socket and from a connection accepted through it.
@Suite struct SocketOptionTests {
    /// A listen socket with options, and a connection that came through it.
    private final class Pair {
        let socket: ListenSocket
        let client: Client
        let accepted: Int32

        init(_ options: [SocketOption], on endpoint: Endpoint = "127.0.0.1:0", speaks: Bool = false) throws {
            socket = try ListenSocket(endpoint, options: options)
            client = try Client(socket.address)
            if speaks {
                client.writeInBackground(1)
                client.waitForWriter()
            }
            // With deferred accepts a connection may be a moment late.
            var listener = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            try #require(poll(&listener, 1, 10_000) == 1)
            accepted = accept(socket.descriptor, nil, nil)
            try #require(accepted >= 0)
        }

        deinit {
            Glibc.close(accepted)
        }

        /// The option's value on the listen socket and on the connection.
        func values<Value: BitwiseCopyable>(_ level: Int32, _ name: Int32, _ type: Value.Type = Int32.self) -> [Value] {
            [socket.descriptor, accepted].map { Self.value($0, level, name, type) }
        }

        /// The option's value on the listen socket and on the connection, where it is a name.
        func names(_ level: Int32, _ name: Int32) -> [String] {
            [socket.descriptor, accepted].map { descriptor in
                var bytes = [UInt8](repeating: 0, count: 16)
                var length = socklen_t(bytes.count)
                getsockopt(descriptor, level, name, &bytes, &length)
                return String(decoding: bytes[..<Int(length)].prefix { $0 != 0 }, as: UTF8.self)
            }
        }

        private static func value<Value: BitwiseCopyable>(
            _ descriptor: Int32,
            _ level: Int32,
            _ name: Int32,
            _ type: Value.Type
        ) -> Value {
            withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { buffer in
                var length = socklen_t(MemoryLayout<Value>.size)
                getsockopt(descriptor, level, name, buffer.baseAddress, &length)
                return buffer[0]
            }
        }
    }

    private let tcp = Int32(IPPROTO_TCP)

    /// What the kernel says of a listen socket's backlog: `tcpi_sacked` of `struct tcp_info`.
    private func backlog(_ socket: ListenSocket) -> UInt32 {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 8) { info in
            var length = socklen_t(info.count)
            getsockopt(socket.descriptor, tcp, TCP_INFO, info.baseAddress, &length)
            return info.load(fromByteOffset: 28, as: UInt32.self)
        }
    }

    @Test func theBacklogIsTheOneAskedFor() throws {
        #expect(backlog(try ListenSocket("127.0.0.1:0", options: [.backlog(17)])) == 17)
    }

    @Test func theBacklogIsWhatTheKernelAllowsByDefault() throws {
        let file = try #require(fopen("/proc/sys/net/core/somaxconn", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 32)
        let text = try #require(fgets(&line, Int32(line.count), file).map { String(cString: $0) })
        let limit = try #require(UInt32(text.filter(\.isNumber)))
        #expect(backlog(try ListenSocket("127.0.0.1:0", options: [])) == limit)
    }

    @Test(arguments: [true, false])
    func reuseAddressIsOnByDefaultAndInherited(isOn: Bool) throws {
        let pair = try Pair(isOn ? [] : [.reuseAddress(false)])
        #expect(pair.values(SOL_SOCKET, SO_REUSEADDR) == [isOn ? 1 : 0, isOn ? 1 : 0])
    }

    @Test func reusePortLetsTwoListenOnOneAddress() throws {
        let pair = try Pair([.reusePort(true)])
        #expect(pair.values(SOL_SOCKET, SO_REUSEPORT) == [1, 1])
        let second = try ListenSocket(Endpoint(pair.socket.address.description), options: [.reusePort(true)])
        #expect(second.address == pair.socket.address)
    }

    @Test func noDelayIsOnByDefaultAndInherited() throws {
        #expect(try Pair([]).values(tcp, TCP_NODELAY) == [1, 1])
        #expect(try Pair([.noDelay(true)]).values(tcp, TCP_NODELAY) == [1, 1])
        #expect(try Pair([.noDelay(false)]).values(tcp, TCP_NODELAY) == [0, 0])
        #expect(try Pair([], on: "[::1]:0").values(tcp, TCP_NODELAY) == [1, 1])
    }

    @Test func idleConnectionsAreProbedUnlessOptionsSayOtherwise() throws {
        #expect(try Pair([]).values(SOL_SOCKET, SO_KEEPALIVE) == [1, 1])
        #expect(try Pair([.keepAlive(false)]).values(SOL_SOCKET, SO_KEEPALIVE) == [0, 0])
    }

    @Test func keepAliveIsInherited() throws {
        #expect(try Pair([.keepAlive(true)]).values(SOL_SOCKET, SO_KEEPALIVE) == [1, 1])
    }

    @Test func keepAliveTimesAreInheritedAndRoundedUp() throws {
        let pair = try Pair([.keepAlive(idle: .seconds(50), interval: .milliseconds(6500), probes: 3)])
        #expect(pair.values(SOL_SOCKET, SO_KEEPALIVE) == [1, 1])
        #expect(pair.values(tcp, TCP_KEEPIDLE) == [50, 50])
        #expect(pair.values(tcp, TCP_KEEPINTVL) == [7, 7])
        #expect(pair.values(tcp, TCP_KEEPCNT) == [3, 3])
    }

    @Test func lingerIsInherited() throws {
        let on = try Pair([.linger(.seconds(3))]).values(SOL_SOCKET, SO_LINGER, linger.self)
        #expect(on.map(\.l_onoff) == [1, 1])
        #expect(on.map(\.l_linger) == [3, 3])
        let off = try Pair([.linger(.seconds(3)), .linger(nil)]).values(SOL_SOCKET, SO_LINGER, linger.self)
        #expect(off.map(\.l_onoff) == [0, 0])
    }

    @Test func bufferSizesAreInheritedAndDoubled() throws {
        let pair = try Pair([.receiveBuffer(20_000), .sendBuffer(30_000)])
        #expect(pair.values(SOL_SOCKET, SO_RCVBUF) == [40_000, 40_000])
        #expect(pair.values(SOL_SOCKET, SO_SNDBUF) == [60_000, 60_000])
    }

    @Test func deferAcceptIsSetAndConnectionsThatSpeakAreAccepted() throws {
        let pair = try Pair([.deferAccept(.seconds(2))], speaks: true)
        // The kernel keeps it as a number of retransmissions and answers with their time: 3 s at the least here.
        #expect(try #require(pair.values(tcp, TCP_DEFER_ACCEPT).first) >= 2)
    }

    @Test func userTimeoutIsInherited() throws {
        #expect(try Pair([.userTimeout(.milliseconds(4321))]).values(tcp, TCP_USER_TIMEOUT) == [4321, 4321])
    }

    // On the address of all interfaces; the kernel makes a socket bound to one IPv6 address IPv6-only by itself.
    @Test(arguments: [true, false])
    func ipv6OnlyIsOffByDefaultAndInherited(isOn: Bool) throws {
        let pair = try Pair(isOn ? [.ipv6Only(true)] : [], on: "[::]:0")
        #expect(pair.values(Int32(IPPROTO_IPV6), IPV6_V6ONLY) == [isOn ? 1 : 0, isOn ? 1 : 0])
    }

    @Test func ipv6OnlyMeansNothingForIPv4() throws {
        _ = try Pair([.ipv6Only(true)])
    }

    @Test func freeBindIsOffByDefaultAndInherited() throws {
        let (ip, ipv6) = (Int32(IPPROTO_IP), Int32(IPPROTO_IPV6))
        #expect(try Pair([]).values(ip, IP_FREEBIND) == [0, 0])
        #expect(try Pair([.freeBind(true)]).values(ip, IP_FREEBIND) == [1, 1])
        #expect(try Pair([.freeBind(true), .freeBind(false)]).values(ip, IP_FREEBIND) == [0, 0])
        #expect(try Pair([], on: "[::1]:0").values(ipv6, IPV6_FREEBIND) == [0, 0])
        #expect(try Pair([.freeBind(true)], on: "[::1]:0").values(ipv6, IPV6_FREEBIND) == [1, 1])
        #expect(try Pair([.freeBind(true), .freeBind(false)], on: "[::1]:0").values(ipv6, IPV6_FREEBIND) == [0, 0])
    }

    // Addresses that RFC 5737 and RFC 3849 keep for documentation, so that no interface has them.
    @Test(arguments: ["192.0.2.1", "[2001:db8::1]"])
    func withFreeBindAnAddressThatNoInterfaceHasIsListenedOn(host: String) throws {
        let endpoint = Endpoint("\(host):0")
        let error = #expect(throws: ServerError.self) { try ListenSocket(endpoint, options: [.freeBind(false)]) }
        #expect(error?.code == .addressUnavailable)
        let socket = try ListenSocket(endpoint, options: [.freeBind(true)])
        #expect(socket.address.description == "\(host):\(socket.address.port)")
    }

    @Test func rawOptionsAreSet() throws {
        let pair = try Pair([.raw(level: SOL_SOCKET, name: SO_PRIORITY, value: 4)])
        #expect(pair.values(SOL_SOCKET, SO_PRIORITY).first == 4)
    }

    @Test func rawBytesAreSetAsTheyAre() throws {
        let size = withUnsafeBytes(of: Int32(20_000)) { Array($0) }
        let pair = try Pair([.raw(level: SOL_SOCKET, name: SO_RCVBUF, bytes: size)])
        #expect(pair.values(SOL_SOCKET, SO_RCVBUF) == [40_000, 40_000])
    }

    @Test(arguments: [true, false])
    func anInterfaceIsBoundToAndInherited(isRaw: Bool) throws {
        let option: SocketOption =
            isRaw ? .raw(level: SOL_SOCKET, name: SO_BINDTODEVICE, value: "lo") : .bindToDevice("lo")
        #expect(try Pair([option]).names(SOL_SOCKET, SO_BINDTODEVICE) == ["lo", "lo"])
        #expect(try Pair([]).names(SOL_SOCKET, SO_BINDTODEVICE) == ["", ""])
    }

    /// The kernel lets nobody without a privilege change the interface of a socket, so the earlier one is not even tried.
    @Test func theLaterOfTwoInterfacesWins() throws {
        let options: [SocketOption] = [.bindToDevice("nowhere"), .noDelay(false), .bindToDevice("lo")]
        #expect(try Pair(options).names(SOL_SOCKET, SO_BINDTODEVICE) == ["lo", "lo"])
    }

    @Test(arguments: [true, false])
    func congestionControlIsInherited(isRaw: Bool) throws {
        let option: SocketOption =
            isRaw ? .raw(level: tcp, name: TCP_CONGESTION, value: "reno") : .congestionControl("reno")
        #expect(try Pair([option]).names(tcp, TCP_CONGESTION) == ["reno", "reno"])
    }

    /// Names that the kernel does not know, or would take for others.
    private static let wrongNames: [(option: SocketOption, text: String, errno: Int32?, cure: String)] = [
        (.bindToDevice("nowhere0"), "SO_BINDTODEVICE \"nowhere0\"", ENODEV, "there is no network interface"),
        (.bindToDevice(""), "SO_BINDTODEVICE \"\"", nil, "the name is empty"),
        (.bindToDevice("lo\0"), "SO_BINDTODEVICE \"lo\\0\"", nil, "there is a zero byte in the name"),
        (.bindToDevice("a23456789012345"), "SO_BINDTODEVICE \"a23456789012345\"", ENODEV, "there is no network"),
        (.bindToDevice("a234567890123456"), "SO_BINDTODEVICE \"a234567890123456\"", nil, "the name is longer than 15"),
        (.congestionControl("nonsense"), "TCP_CONGESTION \"nonsense\"", ENOENT, "the kernel has no algorithm"),
        (.congestionControl("no\nsense"), "TCP_CONGESTION \"no\\nsense\"", ENOENT, "the kernel has no algorithm"),
        (.congestionControl(""), "TCP_CONGESTION \"\"", nil, "the name is empty"),
        (.congestionControl("reno\0"), "TCP_CONGESTION \"reno\\0\"", nil, "there is a zero byte in the name"),
        (.congestionControl("reno567890123456"), "TCP_CONGESTION \"reno567890123456\"", nil, "the name is longer"),
        (
            .raw(level: SOL_SOCKET, name: SO_BINDTODEVICE, value: "a234567890123456"),
            "option 25 of level 1 \"a234567890123456\"", nil, "the name is longer than 15"
        ),
        (
            .raw(level: 9999, name: 1, value: "of no option"),
            "option 1 of level 9999 \"of no option\"", ENOPROTOOPT, "the kernel does not take this socket option"
        ),
        (.raw(level: 9999, name: 1, bytes: []), "option 1 of level 9999", ENOPROTOOPT, "the kernel does not take"),
    ]

    @Test(arguments: wrongNames)
    func aNameThatIsNoneIsAnErrorThatSaysWhich(option: SocketOption, text: String, errno: Int32?, cure: String) {
        let error = #expect(throws: ServerError.self) { try ListenSocket("127.0.0.1:0", options: [option]) }
        #expect(error?.code == .socket)
        #expect(error?.operation == "setsockopt \(text)")
        #expect(error?.errno == errno)
        #expect(error?.cure.hasPrefix(cure) == true, "\(error?.cure ?? "")")
    }

    @Test func theLaterOfTwoWins() throws {
        #expect(try Pair([.noDelay(true), .noDelay(false)]).values(tcp, TCP_NODELAY) == [0, 0])
    }

    @Test func anOptionTheKernelRefusesIsAnErrorThatNamesIt() {
        let error = #expect(throws: ServerError.self) {
            try ListenSocket("127.0.0.1:0", options: [.raw(level: 9999, name: 1, value: 1)])
        }
        #expect(error?.code == .socket)
        #expect(error?.description.contains("option 1 of level 9999") == true)
    }

    /// Options, and how the error begins; `nil` for values that are in their range.
    private static let options: [(SocketOption, String?)] = [
        (.backlog(-1), "SocketOption.backlog: -1 is out of range; it must be from 0 to 2147483647"),
        (.backlog(0), nil),
        (.backlog(.max), "SocketOption.backlog: 9223372036854775807 is"),
        (.keepAlive(idle: .zero, interval: .seconds(1), probes: 1), "SocketOption.keepAlive(idle:): 0.0 seconds"),
        (.keepAlive(idle: attosecond, interval: attosecond, probes: 1), nil),
        (.keepAlive(idle: .seconds(32_767), interval: .seconds(32_767), probes: 127), nil),
        (
            .keepAlive(idle: .seconds(32_768), interval: .seconds(1), probes: 1),
            "SocketOption.keepAlive(idle:): 32768.0"
        ),
        (.keepAlive(idle: .seconds(1), interval: .zero, probes: 1), "SocketOption.keepAlive(interval:): 0.0 seconds"),
        (.keepAlive(idle: .seconds(1), interval: longest, probes: 1), "SocketOption.keepAlive(interval:): 9.22"),
        (
            .keepAlive(idle: .seconds(1), interval: .seconds(1), probes: 0),
            "SocketOption.keepAlive(probes:): 0 is out of"
        ),
        (
            .keepAlive(idle: .seconds(1), interval: .seconds(1), probes: 128),
            "SocketOption.keepAlive(probes:): 128 is out"
        ),
        (.linger(.nanoseconds(-1)), "SocketOption.linger: -1e-09 seconds is out of range"),
        (.linger(.zero), nil),
        (.linger(.seconds(Int32.max)), nil),
        (.linger(longest), "SocketOption.linger: 9.22"),
        (.receiveBuffer(-1), "SocketOption.receiveBuffer: -1 is out of range"),
        (.receiveBuffer(0), nil),
        (.receiveBuffer(Int(Int32.max)), nil),
        (.receiveBuffer(1 << 31), "SocketOption.receiveBuffer: 2147483648 is out of range"),
        (.sendBuffer(-1), "SocketOption.sendBuffer: -1 is out of range"),
        (.sendBuffer(0), nil),
        (.sendBuffer(Int(Int32.max)), nil),
        (.sendBuffer(1 << 31), "SocketOption.sendBuffer: 2147483648 is out of range"),
        (.deferAccept(shortest), "SocketOption.deferAccept: -9.22"),
        (.deferAccept(.zero), nil),
        (.deferAccept(.seconds(Int32.max)), nil),
        (.deferAccept(longest), "SocketOption.deferAccept: 9.22"),
        (.userTimeout(shortest), "SocketOption.userTimeout: -9.22"),
        (.userTimeout(.zero), nil),
        (.userTimeout(.milliseconds(Int32.max)), nil),
        (.userTimeout(longest), "SocketOption.userTimeout: 9.22"),
    ]

    @Test(arguments: options)
    func aValueOutOfRangeIsAnErrorThatNamesIt(option: SocketOption, message: String?) throws {
        guard let message else {
            _ = try ListenSocket("127.0.0.1:0", options: [option])
            return
        }
        let error = #expect(throws: ServerError.self) { try ListenSocket("127.0.0.1:0", options: [option]) }
        #expect(error?.code == .invalidOption)
        #expect(error?.description.hasPrefix(message) == true, "\(String(describing: error))")
    }

    private static let attosecond = Duration(secondsComponent: 0, attosecondsComponent: 1)
    private static let longest = Duration(
        secondsComponent: .max,
        attosecondsComponent: 999_999_999_999_999_999
    )
    private static let shortest = Duration(
        secondsComponent: .min,
        attosecondsComponent: -999_999_999_999_999_999
    )

    @Test func aUserTimeoutIsRoundedUp() throws {
        #expect(try Pair([.userTimeout(.nanoseconds(1))]).values(tcp, TCP_USER_TIMEOUT) == [1, 1])
    }
}
