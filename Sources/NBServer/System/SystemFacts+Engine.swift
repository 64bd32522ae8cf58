// Which engine a server would run on, and what refuses the ring.

internal import NBLibc

extension SystemFacts {
    var engineFinding: SystemFinding {
        switch engine {
        case .success(let report):
            let name = report.kind == .ring ? "io_uring" : "epoll"
            return SystemFinding(.engine, name, .well, "a server runs on \(report)")
        case .failure(let error):
            return SystemFinding(.engine, "none", .unable, "no server runs: \(error)", engineCures(error))
        }
    }

    private func engineCures(_ error: ServerError) -> [SystemCure] {
        switch error.errno {
        case EMFILE: Self.descriptorCures
        // The finding about the ring says what to do for one.
        case _ where environment == "ring" && error.code == .engineUnavailable: epollCures
        default: []
        }
    }

    /// Cures that have a server run on epoll; none for a program that does not read the environment.
    var epollCures: [SystemCure] { wanted == .automatic ? [SystemCure](asking: "epoll") : [] }

    var environmentFinding: SystemFinding {
        guard let environment else {
            return SystemFinding(.environment, "not set", .well, "the ring is taken where there is one, else epoll")
        }
        guard wanted == .automatic else {
            let verdict = "not read, since the program asks for an engine itself"
            return SystemFinding(.environment, environment.inQuotes, .well, verdict)
        }
        if case .failure(let error) = engine, error.code == .invalidOption, error.operation == ChosenEngine.variable {
            let cures = [SystemCure](
                shell: "unset NB_SERVER_ENGINE",
                systemd: "UnsetEnvironment=NB_SERVER_ENGINE",
                docker: "docker run without --env NB_SERVER_ENGINE",
                kubernetes: "env: without NB_SERVER_ENGINE"
            )
            return SystemFinding(.environment, environment.inQuotes, .unable, error.cure, cures)
        }
        return SystemFinding(.environment, environment.inQuotes, .well, "decides which engine is taken")
    }

    /// Whether a server takes no other engine.
    private var asksForRing: Bool { wanted == .ring || wanted == .automatic && environment == "ring" }

    /// Whether a server takes no ring, whatever there is.
    private var asksForEpoll: Bool { wanted == .epoll || wanted == .automatic && environment == "epoll" }

    var ringFinding: SystemFinding {
        switch ring {
        case .success(let report):
            return SystemFinding(
                .ring,
                "available",
                .well,
                (["a ring has what \(report.kernel) brought"] + report.reasons).joined(separator: "; ")
            )
        case .failure(let error):
            let refusal = RingRefusal(error, self)
            let severity: SystemFinding.Severity = asksForEpoll ? .well : asksForRing ? .unable : .limit
            return SystemFinding(.ring, refusal.name, severity, refusal.verdict, refusal.cures)
        }
    }
}
