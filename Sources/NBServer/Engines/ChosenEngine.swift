internal import NBEngine
internal import NBLibc
internal import NBUring

/// The engine that a server runs on, made for the calling thread. A loop is compiled once for each.
enum ChosenEngine: ~Copyable {
    case ring(RingEngine)
    case epoll(EpollEngine)

    /// Makes the engine that the options ask for. `automatic` takes epoll where no ring is to be had, and says why.
    ///
    /// - Throws: ``ServerError`` with cause and cure; with both causes if neither engine is to be had.
    init(_ options: ServerOptions) throws(ServerError) {
        switch try Wish(options.engine.choice) {
        case .ring(let reason): self = .ring(try Self.makeRing(options, because: reason))
        case .epoll(let reason): self = .epoll(try Self.makeEpoll(options, because: reason))
        case .either:
            do throws(EngineError) {
                self = .ring(try RingEngine(options))
            } catch {
                self = .epoll(try Self.makeEpoll(options, insteadOf: error))
            }
        }
    }

    private static func makeRing(_ options: ServerOptions, because reason: String?) throws(ServerError) -> RingEngine {
        do throws(EngineError) {
            var engine = try RingEngine(options)
            if let reason { engine.features.reasons.append(reason) }
            return engine
        } catch {
            throw ServerError(error)
        }
    }

    private static func makeEpoll(_ options: ServerOptions, because reason: String?) throws(ServerError) -> EpollEngine
    {
        do throws(EngineError) {
            var engine = try EpollEngine(options)
            if let reason { engine.features.reasons.append(reason) }
            return engine
        } catch {
            throw ServerError(error)
        }
    }

    /// Where there is no ring. If epoll fails as well, both causes count.
    private static func makeEpoll(
        _ options: ServerOptions,
        insteadOf ringError: EngineError
    ) throws(ServerError) -> EpollEngine {
        let cause = ServerError(ringError).description
        do throws(EngineError) {
            var engine = try EpollEngine(options)
            engine.features.reasons.append("there is no ring: \(cause)")
            return engine
        } catch {
            throw ServerError(error, afterRing: cause)
        }
    }

    /// What an option, and for `automatic` the environment, ask for; with the reason, if that is not the option.
    private enum Wish {
        case either
        case ring(String?)
        case epoll(String?)

        private static let variable = "NB_SERVER_ENGINE"

        init(_ choice: EngineOptions.Choice) throws(ServerError) {
            switch choice {
            case .ring: self = .ring(nil)
            case .epoll: self = .epoll(nil)
            case .automatic: self = try Self.ofEnvironment()
            }
        }

        private static func ofEnvironment() throws(ServerError) -> Wish {
            guard let value = getenv(variable).map({ String(cString: $0) }), !value.isEmpty else { return .either }
            switch value {
            case "automatic": return .either
            case "ring": return .ring("\(variable) asks for the ring")
            case "epoll": return .epoll("\(variable) asks for epoll")
            default:
                let cure = "\(value.inQuotes) is no engine; set it to automatic, ring or epoll, or unset it"
                throw ServerError(.invalidOption, operation: variable, cure: cure)
            }
        }
    }
}
