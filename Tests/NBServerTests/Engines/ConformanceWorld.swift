import NBEngine

/// What surrounds an engine under test: listeners, clients, descriptors, time. On the kernel's sockets, or in a simulated kernel.
///
/// Made for one test and used by its thread, but for what ``duringWait(_:_:)`` calls.
protocol ConformanceWorld: AnyObject {
    /// A listening socket with room for 128 clients.
    func makeListener() throws -> Int32

    /// So many clients connect, and wait to be accepted.
    func connect(_ count: Int, to listener: Int32) throws

    /// Clients cannot connect any more. The descriptor stays open.
    func shutDown(_ listener: Int32)

    /// Takes accepted descriptors, closed at the end of the test, and tells whether each leads to a client of its own.
    func adopt(_ accepted: [Int32]) throws -> Bool

    /// A client and the server's end of its connection, which takes 64 KiB or a little more while the client reads nothing.
    func makeConnection() throws -> any ConformanceClient

    /// The same by a Unix socket pair.
    func makeLocalConnection() throws -> any ConformanceClient

    /// Whether a descriptor that an engine has opened polls as readable now, or, with patience, sooner or later.
    func isReadable(_ descriptor: Int32, patiently: Bool) -> Bool

    /// Calls `act`, on another thread where there is one, when the engine is seen to wait inside `body`.
    ///
    /// - Returns: whether it was seen to wait.
    func duringWait(_ act: @escaping @Sendable () -> Void, _ body: () throws -> Void) throws -> Bool

    /// From now on no descriptor can be opened, or again. In the whole process: for exit tests.
    func setExhausted(_ isExhausted: Bool)

    /// The next time it is entered, the kernel has memory for so many of the operations that are submitted, and no more.
    func makeMemoryShort(after count: Int)

    /// Whether the calling thread is sent `SIGPIPE` meanwhile.
    func raisesPipeSignal(_ body: () throws -> Void) throws -> Bool

    /// What the world has seen that no engine may do.
    var complaints: [String] { get }
}

/// A client of the server, and what a test sees of the server's end of its connection.
protocol ConformanceClient: AnyObject, Sendable {
    /// The server's end.
    var server: Int32 { get }

    /// Whether the server's end is still open.
    var isServerOpen: Bool { get }

    func say(_ bytes: [UInt8])

    /// Waits until so many bytes can be read at the server's end. Nothing that would read them may be in flight.
    func awaitArrival(of count: Int) throws

    /// Waits until the server's end knows of this client's end, or reset. Nothing that would learn of it may be in flight.
    func awaitArrivalOfEnd() throws

    /// Reads what is there.
    func read(upTo count: Int) -> [UInt8]

    /// Reads until the connection ends.
    func readToEnd() throws -> ConformanceReading

    /// Ends this client's side.
    func end()

    func reset()

    /// Has another owner of the server's end say something, and read what the client has said.
    func speakAsServer(_ bytes: [UInt8]) throws
    func readAsServer(upTo count: Int) -> [UInt8]

    /// Closes the server's end behind the engine's back.
    func closeServer()
}

/// What a client has read, and how that ended.
struct ConformanceReading: Equatable {
    enum Ending: Equatable {
        case finished, reset
    }

    var bytes: [UInt8] = []
    var ending = Ending.finished
}

/// Something that a test waits for does not come.
struct NeverCame: Error {
    let event: String
}

/// How long something that must come may take.
enum Patience {
    static let limit = Duration.milliseconds(Int64(milliseconds))
    static let milliseconds: Int32 = 30_000
}
