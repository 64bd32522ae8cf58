/// A listening socket that no loop has yet: clients can connect, and wait.
///
/// One thread after the other has it. Dropped, it closes the socket, and the clients that wait are reset.
package struct BoundListener: @unchecked Sendable {
    let socket: ListenSocket
    let options: [SocketOption]

    /// The address the kernel bound it to.
    package var address: SocketAddress { socket.address }
}
