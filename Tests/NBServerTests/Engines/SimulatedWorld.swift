import Glibc
import NBEngine

@testable import NBServer

/// A world in a simulated kernel that is still: what happens there, the test does.
final class SimulatedWorld: ConformanceWorld {
    private let kernel: SimulatedKernel

    init(_ kernel: SimulatedKernel) {
        self.kernel = kernel
    }

    var complaints: [String] { kernel.violations }

    func makeListener() -> Int32 {
        let number = kernel.listeners.count
        let descriptor = SimulatedKernel.firstListener + Int32(number)
        kernel.listeners.append(SimulatedListener(descriptor: descriptor, address: SimulatedKernel.address(number)))
        return descriptor
    }

    func connect(_ count: Int, to listener: Int32) {
        kernel.listeners[Int(listener - SimulatedKernel.firstListener)].backlog += count
        kernel.progress()
    }

    func shutDown(_ listener: Int32) { kernel.shutDown(listener) }

    func adopt(_ accepted: [Int32]) -> Bool {
        let sockets = accepted.compactMap { descriptor in
            kernel.sockets.first { $0?.descriptor == descriptor }.flatMap { $0 }
        }
        for socket in sockets { socket.isDelivered = true }
        return sockets.count == accepted.count && Set(accepted).count == accepted.count
    }

    func makeConnection() throws -> any ConformanceClient { SimulatedClient(kernel) }
    func makeLocalConnection() throws -> any ConformanceClient { SimulatedClient(kernel) }

    func isReadable(_ descriptor: Int32, patiently: Bool) -> Bool { kernel.isHostSignaled(patiently: patiently) }

    func duringWait(_ act: @escaping @Sendable () -> Void, _ body: () throws -> Void) throws -> Bool {
        kernel.whileAsleep = act
        try body()
        defer { kernel.whileAsleep = nil }
        return kernel.whileAsleep == nil
    }

    func setExhausted(_ isExhausted: Bool) {
        kernel.neighbors += isExhausted ? kernel.freeDescriptors : -kernel.neighbors
    }

    func makeMemoryShort(after count: Int) { kernel.memory = count }

    func raisesPipeSignal(_ body: () throws -> Void) throws -> Bool {
        try body()
        return false
    }
}

/// A client in a simulated kernel. Used by one thread.
private final class SimulatedClient: ConformanceClient, @unchecked Sendable {
    private let kernel: SimulatedKernel
    private let socket: SimulatedSocket

    init(_ kernel: SimulatedKernel) {
        self.kernel = kernel
        socket = kernel.makeSocket()
    }

    var server: Int32 { socket.descriptor }

    private var place: Int { Int(socket.descriptor - SimulatedKernel.firstDescriptor) }

    var isServerOpen: Bool { kernel.sockets[place] === socket }

    func say(_ bytes: [UInt8]) {
        socket.said += bytes
        kernel.progress()
    }

    func awaitArrival(of count: Int) throws {
        guard socket.unread >= count else { throw NeverCame(event: "the arrival of \(count) bytes") }
    }

    func awaitArrivalOfEnd() throws {
        guard socket.clientHasEnded || socket.isReset else { throw NeverCame(event: "the end of a client") }
    }

    func read(upTo count: Int) -> [UInt8] {
        let start = socket.takenCount
        socket.read(min(count, socket.received.count - start), at: kernel.now)
        kernel.progress()
        return Array(socket.received[start..<socket.takenCount])
    }

    func readToEnd() throws -> ConformanceReading {
        let bytes = read(upTo: .max)
        if socket.isReset { return ConformanceReading(bytes: bytes, ending: .reset) }
        guard !isServerOpen else { throw NeverCame(event: "the end of a connection") }
        return ConformanceReading(bytes: bytes)
    }

    func end() {
        socket.clientHasEnded = true
        kernel.progress()
    }

    func reset() {
        kernel.reset(socket)
    }

    func speakAsServer(_ bytes: [UInt8]) {
        handOut()
        socket.take(bytes[...])
    }

    /// The server's end is another owner's, if it was not before.
    private func handOut() {
        if !socket.isHandedOut { kernel.handOut(server) }
    }

    func readAsServer(upTo count: Int) -> [UInt8] {
        handOut()
        let end = min(socket.readCount + count, socket.said.count)
        defer { socket.readCount = end }
        return Array(socket.said[socket.readCount..<end])
    }

    func closeServer() {
        if isServerOpen { kernel.closeHandedOut(socket) }
    }
}
