package import NBEngine
package import NBLibc
internal import NBUring

/// The calls on sockets that no engine does differently, on the kernel or on a simulated one. None of them blocks.
///
/// Owned by the loop; loop's thread only.
package protocol SocketCalls: ~Copyable {
    /// Makes a socket that listens, or fails at once. A value, because callbacks do not have the calls.
    var listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket { get }

    /// Sends the last bytes on a connected socket, as many as it takes at once, and returns how many that were or a negated error. The kernel
    /// holds them back for a moment, so that they leave in one segment with the end of the stream. `MSG_MORE`, `send(2)`.
    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32

    /// Throws away what has arrived on a connected socket and was not received, and returns how many bytes that were; 0 at the end of the
    /// stream, or a negated error: `EAGAIN` if nothing has arrived. `recv(2)`; without copying on plain TCP (`MSG_TRUNC`, `tcp(7)`).
    func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32

    /// Polls connected sockets with one call. An event is set where input, the end of the peer's stream or an error waits. Returns `false` if
    /// the call failed; the events then mean nothing. `poll(2)`.
    func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool

    /// Ends the output of a connected socket after what was sent: the peer reads the end of the stream. `shutdown(2)`.
    func finishOutput(of descriptor: Int32)

    /// Whether a connected socket whose output has ended has not sent all of it yet. `SIOCOUTQNSD`, `tcp(7)`.
    func hasUnsent(_ descriptor: Int32) -> Bool

    /// Sees to it that closing a socket does not wait for its peer. `SO_LINGER`, `socket(7)`.
    func forgetLinger(of descriptor: Int32)

    /// Has polling a socket tell of its first byte. `SO_RCVLOWAT`, `socket(7)`.
    func forgetLowWater(of descriptor: Int32)

    /// How many connections wait in a listening socket's accept queue. `TCP_INFO`, `tcp(7)`.
    func queueLength(of listener: Int32) -> Int

    /// Whether bytes have arrived on a connected socket that were not received. `FIONREAD`, `tcp(7)`.
    func hasInput(_ descriptor: Int32) -> Bool

    /// What the kernel knows of a connected socket's peer, ahead of completions.
    func peerState(of descriptor: Int32) -> PeerState

    /// A connected socket's peer; `nil` if the connection was reset, or is none of IP. `getpeername(2)`.
    func peerAddress(of descriptor: Int32) -> IPAddress?

    /// Whether a connected socket is TCP with nothing on top.
    func isPlainTCP(_ descriptor: Int32) -> Bool

    /// Sets a descriptor aside for hard times, if none is; returns whether one is now.
    mutating func takeReserve() -> Bool

    /// Gives up the descriptor set aside, so that an accept can have it; returns whether there was one.
    mutating func giveReserve() -> Bool

    /// Finds the socket of a descriptor that is not the kernel's; `nil` where the kernel has all of them. A value, because callbacks do not
    /// have the calls.
    var standIn: ((Int32) -> (any StandInSocket)?)? { get }

    /// Takes over the socket of an adopted connection; `nil` for one of the kernel's. Ends the process if the calls are not for such a
    /// socket.
    func adopt(_ socket: (any StandInSocket)?)
}

extension SocketCalls where Self: ~Copyable {
    package func hasInput(_ descriptor: Int32) -> Bool { peerState(of: descriptor).unreceivedByteCount > 0 }

    package func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool { false }

    package func forgetLowWater(of descriptor: Int32) {}
}

/// The calls on the kernel's sockets.
struct KernelSocketCalls: SocketCalls, ~Copyable {
    /// The descriptor set aside.
    private var reserve: EventDescriptor?

    var listen: (SocketAddress, [SocketOption]) throws(ServerError) -> ListenSocket {
        { (address, options) throws(ServerError) in try ListenSocket(address, options: options) }
    }

    @inline(__always)
    func sendLast(_ bytes: Operation.Bytes, on descriptor: Int32) -> Int32 {
        bytes.send(to: descriptor, Int32(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE))
    }

    @inline(__always)
    func discardInput(of descriptor: Int32, isPlainTCP: Bool) -> Int32 {
        isPlainTCP ? NBServer.discardInput(of: descriptor) : discardByReading(descriptor)
    }

    @inline(__always)
    func findInput(among sockets: UnsafeMutableBufferPointer<pollfd>) -> Bool {
        poll(sockets.baseAddress, nfds_t(sockets.count), 0) >= 0
    }

    /// Does not block on a TCP socket. As an operation of a ring it would: the kernel gives that to a worker thread, where it may run
    /// after a close submitted behind it.
    func finishOutput(of descriptor: Int32) {
        NBLibc.shutdown(descriptor, Int32(SHUT_WR))
    }

    /// A socket that is not TCP has handed over what it has taken.
    func hasUnsent(_ descriptor: Int32) -> Bool {
        var count: Int32 = 0
        return ioctl(descriptor, Self.unsentByteCount, &count) == 0 && count > 0
    }

    /// The request's number, which the C library does not show.
    private static var unsentByteCount: UInt { 0x894b }

    func forgetLinger(of descriptor: Int32) {
        NBServer.forgetLinger(of: descriptor)
    }

    func forgetLowWater(of descriptor: Int32) {
        var one: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_RCVLOWAT, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// For a socket that listens, the kernel gives the length of its queue where it otherwise gives what is unacknowledged.
    @inline(never)
    func queueLength(of listener: Int32) -> Int {
        var info = tcp_info()
        var length = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(listener, Int32(IPPROTO_TCP), TCP_INFO, &info, &length) == 0 else { return 0 }
        return Int(info.tcpi_unacked)
    }

    @inline(never)
    func hasInput(_ descriptor: Int32) -> Bool {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(FIONREAD), &count) == 0 && count > 0
    }

    func peerState(of descriptor: Int32) -> PeerState { PeerState(of: descriptor) }

    func peerAddress(of descriptor: Int32) -> IPAddress? {
        SocketAddress.reading { getpeername(descriptor, $0, $1) }?.ip
    }

    func isPlainTCP(_ descriptor: Int32) -> Bool { ForeignSocket.isPlainTCP(descriptor) }

    @inline(never)
    mutating func takeReserve() -> Bool {
        if reserve == nil { reserve = try? EventDescriptor() }
        return reserve != nil
    }

    @inline(never)
    mutating func giveReserve() -> Bool { reserve.take() != nil }
}

/// Sees to it that closing a socket does not wait for its peer, as `SO_LINGER` with a time above zero makes it (`socket(7)`).
/// At once, without blocking; any thread that owns the descriptor.
@inline(never)
func forgetLinger(of descriptor: Int32) {
    var off = linger(l_onoff: 0, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
}
