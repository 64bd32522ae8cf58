/// What to type to change what a ``SystemFinding`` is about.
public struct SystemCure: Hashable, Sendable, CustomStringConvertible {
    /// Where the change is made.
    public enum Place: String, CaseIterable, Hashable, Sendable {
        /// A shell, before it starts the server; as root for a sysctl.
        case shell
        /// The server's unit, `systemd.exec(5)` and `systemd.resource-control(5)`, or `sysctl.d(5)`.
        case systemd
        /// The command line of `docker run`.
        case docker
        /// The pod, or its node for settings that a pod lacks.
        case kubernetes
    }

    /// Where the change is made.
    public let place: Place
    /// The command, the setting or the field.
    public let text: String

    init(_ place: Place, _ text: String) {
        self.place = place
        self.text = text
    }

    /// The cure in one line.
    public var description: String { "\(place.rawValue): \(text)" }
}

extension [SystemCure] {
    /// The same kind of cure for every place.
    init(shell: String? = nil, systemd: String, docker: String, kubernetes: String) {
        let texts = [
            (SystemCure.Place.shell, shell), (.systemd, systemd), (.docker, docker), (.kubernetes, kubernetes),
        ]
        self = texts.compactMap { place, text in text.map { SystemCure(place, $0) } }
    }

    /// Cures that set a sysctl. What Kubernetes calls safe a pod may set by itself.
    init(setting name: String, to value: String, isSafe: Bool) {
        let field = "securityContext.sysctls: [{name: \(name), value: \"\(value)\"}]"
        self.init(
            shell: "sysctl -w \(name)=\"\(value)\"",
            systemd: "echo '\(name)=\(value)' >>/etc/sysctl.d/60-nb-server.conf && sysctl --system",
            docker: "docker run --sysctl \(name)=\"\(value)\"",
            kubernetes: isSafe ? field : "\(field), which the kubelet allows with --allowed-unsafe-sysctls=\(name)"
        )
    }

    /// Cures that raise a limit of a process (`getrlimit(2)`).
    init(ulimit: String, systemd: String, docker: String) {
        self.init(
            shell: "ulimit \(ulimit)",
            systemd: systemd,
            docker: "docker run --ulimit \(docker)",
            kubernetes: "\(systemd) in the unit of the node's container runtime: a pod has no field for it"
        )
    }

    /// Cures that set the variable which says what engine is wanted.
    init(asking engine: String) {
        self.init(
            shell: "export NB_SERVER_ENGINE=\(engine)",
            systemd: "Environment=NB_SERVER_ENGINE=\(engine)",
            docker: "docker run --env NB_SERVER_ENGINE=\(engine)",
            kubernetes: "env: [{name: NB_SERVER_ENGINE, value: \(engine)}]"
        )
    }
}
