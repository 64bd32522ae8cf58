internal import NBEngine
internal import NBLibc
internal import NBUring

/// Why a server could not be made, could not run, lost a listener, or could not do what it was asked. <doc:Errors> lists each code with its
/// cure.
public struct ServerError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The kind of error, for programs.
    @nonexhaustive
    public enum Code: String, Hashable, Sendable, Codable {
        /// An option is out of its range. ``ServerError/operation`` names the option.
        case invalidOption
        /// A worker asked its connection for something out of its range. ``ServerError/operation`` names the method.
        case invalidArgument
        /// The text is not an address, or no server can listen on the address.
        case invalidAddress
        /// Another socket listens on the address.
        case addressInUse
        /// No interface of this machine has the address.
        case addressUnavailable
        /// Binding the port needs a privilege, or a firewall or security module forbids accepting.
        case notPermitted
        /// More listeners than ``ServerOptions/listenerLimit`` allows.
        case tooManyListeners
        /// The server already listens on the address.
        case alreadyListening
        /// The server has no such listener.
        case notListening
        /// The connection ended before it was detached, or had ended when it was asked for something.
        case connectionEnded
        /// A socket could not be made, refused an option, or is not a connected stream socket.
        case socket
        /// The process or the system is out of descriptors or memory.
        case outOfResources
        /// The engine that was asked for is missing, forbidden or short of memory, or the engine failed while the server ran.
        case engineUnavailable
        /// The signals cannot be handled.
        case signals
        /// A thread could not be made.
        case thread
        /// The server ran before. A server runs once.
        case alreadyRan
        /// The behavior's `begin` returned a verdict to stop.
        case declined
        /// The behavior's `begin` threw an error.
        case beginFailed
        /// The server has stopped or is about to.
        case stopped
        /// The server did not answer in time, or the task that asked was cancelled.
        case unanswered
        /// The mailbox was full, and the server stopped; see ``ServerOptions/FullMailbox/stop``.
        case mailboxFull
        /// The kernel has shut the listener down for good.
        case listenerDown
        /// An embedded server has no executor, and a server whose executor is in use cannot be embedded.
        case noExecutor
    }

    /// The kind of error.
    public let code: Code

    /// The system call or step that failed, or the option that was refused.
    public let operation: String

    /// The address of the operation, if there is one.
    public let address: String?

    /// The system's error number, `errno(3)`, if there is one.
    public let errno: Int32?

    /// What to do about the error.
    public let cure: String

    package init(_ code: Code, operation: String, address: String? = nil, errno: Int32? = nil, cure: String) {
        self.code = code
        self.operation = operation
        self.address = address
        self.errno = errno
        self.cure = cure
    }

    /// Cause and cure in one line.
    public var description: String {
        var parts: [String] = []
        if let address { parts.append(address.inOneLine) }
        parts.append(operation)
        if let errno { parts.append(errorText(errno)) }
        parts.append(cure)
        return parts.joined(separator: ": ")
    }
}

extension ServerError {
    init(_ error: EngineError) {
        let errno = error.errno == 0 ? nil : error.errno
        let isOutOfDescriptors = errno == EMFILE || errno == ENFILE
        let code = isOutOfDescriptors ? Code.outOfResources : .engineUnavailable
        self.init(code, operation: error.operation, errno: errno, cure: error.advice)
    }

    /// The server was asked for something, and gave no answer.
    init(_ error: CallError, operation: String, address: String? = nil) {
        switch error {
        case .stopped(let reason):
            self.init(.stopped, operation: operation, address: address, cure: "the server has stopped: \(reason)")
        case .calledItself:
            let cure = "within a callback the server is asked through its context, which does not wait"
            self.init(.unanswered, operation: operation, address: address, cure: cure)
        case .timeout, .unanswered, .cancelled, .mailboxFull:
            self.init(.unanswered, operation: operation, address: address, cure: error.description)
        }
    }

    static func alreadyListening(_ address: SocketAddress) -> ServerError {
        let cure = "this server listens there already; remove that listener first, or choose another port"
        return ServerError(.alreadyListening, operation: "listen", address: address.description, cure: cure)
    }

    /// A connection that was to be detached has ended instead.
    static func notDetached(_ cause: CloseCause) -> ServerError {
        let (errno, cure): (Int32?, String) =
            switch cause.kind {
            case .lost:
                (
                    cause.errno,
                    "the peer was gone before everything that was queued was sent; nothing is left to hand over"
                )
            case .expired:
                (
                    nil,
                    "the peer did not take what was queued within ServerOptions.closeTimeLimit, or the server stopped first"
                )
            default: (nil, "the connection had ended, or its server did: nothing is left to hand over")
            }
        return ServerError(.connectionEnded, operation: "detach", errno: errno, cure: cure)
    }

    /// A thread could not be made.
    static func noThread(_ errno: Int32) -> ServerError {
        let cure = "the process may have no more threads; see pids.max of its control group, and `ulimit -u`"
        return ServerError(.thread, operation: "pthread_create", errno: errno, cure: cure)
    }

    static let mailboxFull = ServerError(
        .mailboxFull,
        operation: "put a message",
        cure: "as many messages wait as ServerOptions.mailboxLimit allows: the server is too slow for them"
    )

    /// The answer to a failed call about a socket.
    package static func call(_ operation: String, _ errno: Int32, address: String) -> ServerError {
        let (code, cure) = meaning(errno)
        return ServerError(code, operation: operation, address: address, errno: errno, cure: cure)
    }

    /// Why a socket could not be bound.
    static func bind(_ errno: Int32, _ wanted: SocketAddress) -> ServerError {
        let (code, cure) = wanted.bindFault(errno) ?? meaning(errno)
        return ServerError(code, operation: "bind", address: wanted.description, errno: errno, cure: cure)
    }

    /// Why a listener does not accept.
    static func accept(_ errno: Int32, address: String) -> ServerError {
        switch AcceptFailure(errno: errno) {
        case .backOff where errno == EPERM || errno == EACCES:
            let cure = "a firewall, a security module or a filter of io_uring operations forbids it"
            return ServerError(.notPermitted, operation: "accept", address: address, errno: errno, cure: cure)
        case .retry, .backOff, .park:
            let (code, cure) = meaning(errno)
            return ServerError(code, operation: "accept", address: address, errno: errno, cure: cure)
        case .down:
            let cure = "the socket was shut down or closed behind the server's back"
            return ServerError(.listenerDown, operation: "accept", address: address, errno: errno, cure: cure)
        }
    }

    private static func meaning(_ errno: Int32) -> (Code, String) {
        switch errno {
        case EADDRINUSE:
            (.addressInUse, "something listens there already; `ss -ltnp` shows which process; or choose another port")
        case EADDRNOTAVAIL:
            (.addressUnavailable, "no interface of this machine has that address; see `ip address`")
        case EACCES, EPERM:
            (.notPermitted, "a filter of system calls or a security module forbids it")
        case EMFILE:
            (.outOfResources, "the process is out of descriptors; raise its limit (ulimit -n)")
        case ENFILE:
            (.outOfResources, "the system is out of descriptors; raise the sysctl fs.file-max")
        case ENOBUFS, ENOMEM:
            (.outOfResources, "the system is out of memory for sockets")
        case EAFNOSUPPORT:
            (.addressUnavailable, "this kernel does not speak that address family; is IPv6 switched off?")
        default:
            (.socket, "the kernel refused")
        }
    }
}

extension String {
    /// An address given as text may have line breaks or invisible characters. An error is one line and shows them escaped.
    fileprivate var inOneLine: String {
        unicodeScalars.allSatisfy(\.isPlain) ? self : inQuotes
    }

    /// The same in quotes, always.
    var inQuotes: String {
        "\"\(unicodeScalars.map { $0.escaped(asASCII: !$0.isPlain) }.joined())\""
    }
}

extension Unicode.Scalar {
    /// Neither breaks a line nor drives a terminal nor reorders or hides its neighbors.
    fileprivate var isPlain: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
