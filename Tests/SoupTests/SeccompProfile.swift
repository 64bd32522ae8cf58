// A seccomp profile as Docker and Kubernetes take it, and what it says of each system call.

import FoundationEssentials

/// The form of the OCI's runtime specification, as far as our profile uses it. Whatever else is in a file is an error.
struct SeccompProfile: Decodable {
    struct Rule: Decodable {
        struct Argument: Decodable {
            let index: Int
            let value: UInt64
            var valueTwo: UInt64?
            let op: String

            /// Which bits are compared, and with what.
            func comparison() throws -> (mask: UInt64, value: UInt64) {
                switch op {
                case "SCMP_CMP_EQ": return (.max, value)
                case "SCMP_CMP_MASKED_EQ": return (value, valueTwo ?? 0)
                default: throw Failure("\(op) is not known to these tests")
                }
            }
        }

        var names: [String]
        let action: String
        var errnoRet: UInt32?
        var args: [Argument]?
    }

    let defaultAction: String
    let defaultErrnoRet: UInt32
    let architectures: [String]
    var syscalls: [Rule]

    /// The one that comes with the library.
    static func ours() throws -> SeccompProfile {
        let text = try ownText(of: "Examples/Deployment/seccomp.json")
        return try JSONDecoder().decode(SeccompProfile.self, from: Data(text.utf8))
    }

    /// The same without some calls.
    func without(_ names: [String]) -> SeccompProfile {
        var profile = self
        for index in syscalls.indices { profile.syscalls[index].names.removeAll { names.contains($0) } }
        return profile
    }

    var names: Set<String> { Set(syscalls.flatMap(\.names)) }

    /// The filter that a container engine makes of it.
    func filter() throws -> SystemCallFilter {
        guard defaultAction == "SCMP_ACT_ERRNO" else { throw Failure("the profile's default is \(defaultAction)") }
        let numbers = try SystemCallFilter.numbers()
        var rules: [SystemCallFilter.Rule] = []
        for rule in syscalls {
            let errno: UInt32? =
                switch rule.action {
                case "SCMP_ACT_ALLOW": nil
                case "SCMP_ACT_ERRNO": rule.errnoRet ?? 1
                default: throw Failure("\(rule.action) is not known to these tests")
                }
            // A name that this architecture does not know is passed over, as a container engine does.
            for number in rule.names.compactMap({ numbers[$0] }) {
                let arguments = try (rule.args ?? []).map {
                    let (mask, value) = try $0.comparison()
                    return SystemCallFilter.Argument(index: UInt32($0.index), mask: mask, value: value)
                }
                rules.append(SystemCallFilter.Rule(number: number, arguments: arguments, errno: errno))
            }
        }
        return try SystemCallFilter(rules, otherwise: defaultErrnoRet)
    }
}
