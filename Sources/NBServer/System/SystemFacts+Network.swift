// The limits of this process's network namespace.

extension SystemFacts {
    var backlogFinding: SystemFinding {
        get throws(Unknown) {
            let length = try backlog.numbers(1, as: "net.core.somaxconn")[0]
            // The kernel's own since Linux 5.4; 128 before.
            let usual = 4096
            guard length < usual else {
                return SystemFinding(
                    .backlog,
                    "\(length)",
                    .well,
                    "the accept queue of a listener holds as many clients"
                )
            }
            let verdict = "the accept queue of a listener holds no more clients; others try again after a second"
            let cures = [SystemCure](setting: "net.core.somaxconn", to: "\(usual)", isSafe: false)
            return SystemFinding(.backlog, "\(length)", .limit, verdict, cures)
        }
    }

    var portFinding: SystemFinding {
        get throws(Unknown) {
            let bounds = try ports.numbers(2, as: "net.ipv4.ip_local_port_range")
            guard bounds.allSatisfy((0...65_535).contains) else {
                throw Unknown("net.ipv4.ip_local_port_range reads \"\(bounds[0]) \(bounds[1])\", which are no ports")
            }
            let count = max(0, bounds[1] - bounds[0] + 1)
            let value = "\(bounds[0])-\(bounds[1])"
            // The kernel's own range, from 32,768 to 60,999.
            guard count < 28_232 else {
                return SystemFinding(
                    .ports,
                    value,
                    .well,
                    "clients on this machine have \(count) ports for one address of a server"
                )
            }
            let verdict =
                "clients on this machine have only \(count) ports for one address of a server; others do not mind"
            let cures = [SystemCure](setting: "net.ipv4.ip_local_port_range", to: "32768 60999", isSafe: true)
            return SystemFinding(.ports, value, .limit, verdict, cures)
        }
    }
}
