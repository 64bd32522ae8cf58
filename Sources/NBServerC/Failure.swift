internal import CNBServer
internal import NBServer

/// An error of the C interface: the code that a function returns, and what ``LastError`` keeps for `nb_last_error`. A value; any thread.
struct Failure: Error {
    let code: Int32
    /// Cause and cure, in one line.
    let text: String

    init(_ code: Int, _ text: String) {
        self.code = Int32(code)
        self.text = text
    }

    init(_ error: ServerError) {
        self.init(Self.code(of: error), error.description)
    }

    /// What a server has failed with that ran.
    init(_ error: any Error) {
        if let error = error as? ServerError { self.init(error) } else { self.init(NB_SYSTEM, "\(error)") }
    }

    private static func code(of error: ServerError) -> Int {
        switch error.code {
        case .invalidOption: NB_INVALID_OPTION
        case .invalidArgument: NB_INVALID_ARGUMENT
        case .invalidAddress: NB_INVALID_ADDRESS
        case .addressInUse, .alreadyListening: NB_ADDRESS_IN_USE
        case .addressUnavailable: NB_ADDRESS_UNAVAILABLE
        case .notPermitted: NB_NOT_PERMITTED
        case .tooManyListeners: NB_TOO_MANY_LISTENERS
        case .outOfResources, .thread: NB_OUT_OF_RESOURCES
        case .engineUnavailable: NB_ENGINE_UNAVAILABLE
        case .alreadyRan: NB_ALREADY_RUNS
        case .stopped: NB_STOPPED
        case .listenerDown: NB_LISTENER_DOWN
        case .socket, .connectionEnded, .signals, .declined, .beginFailed, .unanswered, .mailboxFull, .notListening,
            .noExecutor:
            NB_SYSTEM
        }
    }

    /// What an error means, in general.
    static func meaning(of code: Int32) -> StaticString {
        switch Int(code) {
        case NB_INVALID_HANDLE: "the server is null, was freed, or never was one"
        case NB_INVALID_SIZE: "the size of a structure or a buffer cannot be"
        case NB_INVALID_OPTION: "an option is out of its range, or is set and not known"
        case NB_INVALID_ARGUMENT: "an argument is null, or out of its range"
        case NB_WRONG_THREAD: "the server belongs to another thread"
        case NB_IN_CALLBACK: "a callback may not do this"
        case NB_FORKED: "the server is the parent process's"
        case NB_ALREADY_RUNS: "the server runs, or ran, in the other way"
        case NB_NOT_RUNNING: "the server does not run yet"
        case NB_INVALID_ADDRESS: "the text is not an address, or no server can listen there"
        case NB_ADDRESS_IN_USE: "something listens there already"
        case NB_ADDRESS_UNAVAILABLE: "no interface of this machine has the address"
        case NB_NOT_PERMITTED: "the port needs a privilege, or a firewall forbids accepting"
        case NB_TOO_MANY_LISTENERS: "there are as many listeners as there may be"
        case NB_STOPPED: "the server has stopped, or is about to"
        case NB_OUT_OF_RESOURCES: "out of descriptors, memory or threads"
        case NB_ENGINE_UNAVAILABLE: "the engine is absent or forbidden, or has failed"
        case NB_LISTENER_DOWN: "the last listener was shut down"
        case NB_SYSTEM: "the kernel refused"
        default: code < 0 ? "an error that this version does not know" : "no error"
        }
    }
}
