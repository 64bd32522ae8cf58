internal import NBLibc

/// Sees to it that closing a socket does not wait for its peer, as `SO_LINGER` with a time above zero makes it (`socket(7)`).
/// At once, without blocking; any thread that owns the descriptor.
@inline(never)
func forgetLinger(of descriptor: Int32) {
    var off = linger(l_onoff: 0, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &off, socklen_t(MemoryLayout<linger>.size))
}
