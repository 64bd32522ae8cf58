/// A descriptor on its way back into the server, which is closed if the message that carries it is dropped.
final class SimulatedParcel: @unchecked Sendable {
    private let socket: SimulatedSocket
    private let kernel: SimulatedKernel
    private var isOpened = false

    init(_ socket: SimulatedSocket, _ kernel: SimulatedKernel) {
        self.socket = socket
        self.kernel = kernel
    }

    deinit {
        guard !isOpened else { return }
        kernel.tally.note(.refusedAdoption)
        kernel.closeHandedOut(socket)
    }

    /// The descriptor is the server's again.
    func open() {
        isOpened = true
        socket.isOnItsWay = false
        kernel.takeBack(socket)
    }
}
