internal import NBEngine
internal import NBLibc
internal import NBUring

/// The engine that a server runs on, made for the calling thread. A loop is compiled once for each.
enum ChosenEngine: ~Copyable {
    case ring(RingEngine)
    case epoll(EpollEngine)

    /// Makes the engine that the options ask for. `automatic` takes epoll where there is no ring, or none on which workers receive, and
    /// says why.
    ///
    /// - Throws: ``ServerError`` with cause and cure; with both causes if neither engine is to be had.
    init(_ options: ServerOptions) throws(ServerError) {
        let (choice, reason) = try Self.choice(options.engine.choice)
        do throws(EngineError) {
            switch choice {
            case .ring: self = .ring(try RingEngine(options, because: reason))
            case .epoll: self = .epoll(try EpollEngine(options, because: reason))
            case .automatic:
                self = try Self.ringOrEpoll(options)
            }
        } catch {
            throw ServerError(error)
        }
    }

    /// If both fail, the error has both causes.
    private static func ringOrEpoll(_ options: ServerOptions) throws(EngineError) -> ChosenEngine {
        let cause: String
        do throws(EngineError) {
            let engine = try RingEngine(options)
            if engine.features.receives { return .ring(engine) }
            cause = "workers receive nothing on this kernel's; Linux 5.18 or newer is needed"
        } catch {
            cause = ServerError(error).description
        }
        do throws(EngineError) {
            return .epoll(try EpollEngine(options, because: "no ring is used: \(cause)"))
        } catch {
            let advice = "\(error.advice); and no ring is used either: \(cause)"
            throw EngineError(operation: error.operation, errno: error.errno, advice: advice)
        }
    }

    static let variable = "NB_SERVER_ENGINE"

    /// What the variable says, if it is set.
    static var environment: String? { getenv(variable).map { String(cString: $0) } }

    /// What the engine can do here.
    var features: EngineFeatures {
        switch self {
        case .ring(let engine): engine.features
        case .epoll(let engine): engine.features
        }
    }

    /// What an option, and for `automatic` the environment, asks for; with the reason, if that is not the option.
    private static func choice(
        _ option: EngineOptions.Choice
    ) throws(ServerError) -> (EngineOptions.Choice, because: String?) {
        guard option == .automatic, let value = environment else {
            return (option, nil)
        }
        switch value {
        case "", "automatic": return (.automatic, nil)
        case "ring": return (.ring, "\(variable) asks for the ring")
        case "epoll": return (.epoll, "\(variable) asks for epoll")
        default:
            let cure = "\(value.inQuotes) is no engine; set it to automatic, ring or epoll, or unset it"
            throw ServerError(.invalidOption, operation: variable, cure: cure)
        }
    }
}
