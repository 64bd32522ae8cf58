import NBServer

/// A report for programs: an object of a severity and findings, in which names stay as they are.
func jsonText(of report: SystemReport) -> String {
    let findings = report.findings.map { finding in
        let cures = finding.cures.map { cure in
            object([("place", quoted(cure.place.rawValue)), ("text", quoted(cure.text))], indent: "        ")
        }
        return object(
            [
                ("subject", quoted(finding.subject.rawValue)),
                ("value", quoted(finding.value)),
                ("severity", quoted(finding.severity.description)),
                ("verdict", quoted(finding.verdict)),
                ("cures", array(cures, indent: "      ")),
            ],
            indent: "    "
        )
    }
    let members = [("severity", quoted(report.severity.description)), ("findings", array(findings, indent: "  "))]
    return object(members, indent: "")
}

private func object(_ members: [(name: String, value: String)], indent: String) -> String {
    "{\n" + members.map { "\(indent)  \(quoted($0.name)): \($0.value)" }.joined(separator: ",\n") + "\n\(indent)}"
}

private func array(_ elements: [String], indent: String) -> String {
    guard !elements.isEmpty else { return "[]" }
    return "[\n" + elements.map { "\(indent)  \($0)" }.joined(separator: ",\n") + "\n\(indent)]"
}

/// A string of RFC 8259, section 7.
func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\u{0}"..."\u{1f}":
            let digits = String(scalar.value, radix: 16)
            quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}
