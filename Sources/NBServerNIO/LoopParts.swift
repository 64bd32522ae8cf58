#if NIO
internal import NBServer
internal import NIOCore
internal import NIOPosix

/// The loops of a group that connections can be given to, and each one's part of the limit.
struct LoopParts {
    struct Part {
        let loop: any EventLoop
        let bootstrap: ClientBootstrap
        /// How many channels it may have open; `nil` for any number.
        let maximumOpen: Int?
    }

    private(set) var loops: [Part] = []

    /// - Throws: ``ServerError`` with ``ServerError/Code/invalidOption``: a connection that is given to a loop of another kind ends the process.
    init(_ group: any EventLoopGroup, _ maximumOpen: Int?) throws(ServerError) {
        if let maximumOpen, maximumOpen < 1 {
            let cure = "\(maximumOpen) is out of range; it must be 1 or more"
            throw ServerError(.invalidOption, operation: "NIOAcceptor maximumOpen", cure: cure)
        }
        var all: [any EventLoop] = []
        for loop in group.makeIterator() { all.append(loop) }
        let count = min(all.count, maximumOpen ?? .max)
        for (index, loop) in all.prefix(count).enumerated() {
            guard let bootstrap = ClientBootstrap(validatingGroup: loop) else { throw Self.wrongGroup(loop) }
            let part = maximumOpen.map { $0 / count + (index < $0 % count ? 1 : 0) }
            loops.append(Part(loop: loop, bootstrap: bootstrap, maximumOpen: part))
        }
        guard !loops.isEmpty else { throw Self.wrongGroup(group) }
    }

    private static func wrongGroup(_ group: Any) -> ServerError {
        ServerError(
            .invalidOption,
            operation: "NIOAcceptor group",
            cure: "a \(type(of: group)) takes no sockets; give it a MultiThreadedEventLoopGroup, or a loop of one"
        )
    }
}
#endif
