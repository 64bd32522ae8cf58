internal import CNBServer
internal import NBServer

/// What a program wants of a server: its `nb_options`, looked at. A value; any thread.
struct HostedServerOptions {
    let context: UnsafeMutableRawPointer?
    let onConnections: nb_on_connections
    let onEvent: nb_on_event?
    let server: ServerOptions
    let socket: [SocketOption]
    let asksForPeers: Bool
    let quantum: Int
    let listenerLimit: UInt32

    /// - Throws: with `NB_INVALID_ARGUMENT`, `NB_INVALID_SIZE` or `NB_INVALID_OPTION`.
    init(_ pointer: UnsafePointer<nb_options>?) throws(Failure) {
        // The callback was there from the beginning.
        let least = 4 * MemoryLayout<Int>.size
        let structure = try SizedStructure(UnsafeMutableRawPointer(mutating: pointer), "nb_options", least: least)
        var options = nb_options()
        if let offset = structure.read(into: &options) {
            let cause = "nb_options has something at byte \(offset) that version \(libraryVersion) does not know"
            throw Failure(NB_INVALID_OPTION, "\(cause): zero the structure first, or use a newer library")
        }
        guard let onConnections = options.on_connections else {
            throw Failure(NB_INVALID_OPTION, "nb_options.on_connections is null: it has to take the connections")
        }
        self.onConnections = onConnections
        context = options.context
        onEvent = options.on_event
        quantum = options.quantum == 0 ? 256 : try Self.number(options.quantum, "quantum", to: 1 << 16)
        asksForPeers = try Self.number(options.peer_addresses, "peer_addresses", to: 1) == 1
        let listeners = try Self.number(options.maximum_listeners, "maximum_listeners", to: UInt32(Int32.max))
        listenerLimit = listeners == 0 ? 1024 : UInt32(listeners)
        socket = try Self.socketOptions(options)
        server = ServerOptions(
            listenerLimit: Int(listenerLimit),
            acceptMode: try Self.number(options.one_shot, "one_shot", to: 1) == 1 ? .oneShot : .multishot,
            whenExhausted: try Self.exhaustion(options.exhaustion),
            quantum: quantum,
            engine: try Self.engine(options.engine)
        )
    }

    private static func socketOptions(_ options: nb_options) throws(Failure) -> [SocketOption] {
        var list: [SocketOption] = []
        if options.backlog != 0 {
            list.append(.backlog(try number(options.backlog, "backlog", to: UInt32(Int32.max))))
        }
        if try number(options.reuse_port, "reuse_port", to: 1) == 1 { list.append(.reusePort(true)) }
        return list
    }

    private static func exhaustion(_ number: UInt32) throws(Failure) -> ServerOptions.Exhaustion {
        switch Int(number) {
        case NB_PARK: .park
        case NB_SHED: .shed
        case NB_STOP: .stop
        default: throw failure("exhaustion", number, "NB_PARK, NB_SHED or NB_STOP")
        }
    }

    private static func engine(_ number: UInt32) throws(Failure) -> EngineOptions {
        switch Int(number) {
        case NB_ENGINE_AUTOMATIC: .automatic
        case NB_ENGINE_RING: .ring
        case NB_ENGINE_EPOLL: .epoll
        default: throw failure("engine", number, "NB_ENGINE_AUTOMATIC, NB_ENGINE_RING or NB_ENGINE_EPOLL")
        }
    }

    private static func number(_ value: UInt32, _ name: StaticString, to most: UInt32) throws(Failure) -> Int {
        guard value <= most else { throw failure(name, value, most == 1 ? "0 or 1" : "from 0 to \(most)") }
        return Int(value)
    }

    private static func failure(_ name: StaticString, _ value: UInt32, _ range: String) -> Failure {
        Failure(NB_INVALID_OPTION, "nb_options.\(name): \(value) is out of range; it must be \(range)")
    }
}
