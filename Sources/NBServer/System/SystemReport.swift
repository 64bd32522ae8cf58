/// Which engine a server would run on here, now, for this user, and which limits it would meet: one ``SystemFinding`` for each subject.
///
/// The report is about this process. Another shell, user or container has other limits. `nb-doctor` prints it.
///
/// ```swift
/// import NBServer
///
/// for finding in SystemReport().findings where finding.severity != .well { print(finding) }
/// ```
public struct SystemReport: Hashable, Sendable {
    /// One finding for each ``SystemFinding/Subject``, in the order of its cases.
    public let findings: [SystemFinding]

    /// Examines the system for a server with these options.
    ///
    /// Makes the server's engine on the calling thread and ends it again, and reads files in `/proc` and `/sys`. Changes nothing. Blocks
    /// for up to two seconds while the kernel is short of memory. What cannot be read is reported as unknown, with the reason.
    ///
    /// - Parameter options: how the server would run. An option that is out of its range is a finding about the engine.
    public init(for options: ServerOptions = ServerOptions()) {
        self.init(SystemFacts(options))
    }

    /// Judges facts.
    init(_ facts: SystemFacts) {
        findings = SystemFinding.Subject.allCases.map { subject in
            do throws(Unknown) {
                return try facts.finding(about: subject)
            } catch {
                return SystemFinding(about: subject, unknown: error)
            }
        }
    }

    /// The worst severity of all findings.
    public var severity: SystemFinding.Severity { findings.map(\.severity).max() ?? .well }

    /// The finding about a subject.
    public subscript(subject: SystemFinding.Subject) -> SystemFinding {
        // The initializer makes one for each subject, in the order of the cases.
        findings.first { $0.subject == subject }!
    }
}
