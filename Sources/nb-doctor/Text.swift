import NBServer

/// A report for people: a line for each finding, and under those that are not well a line for each cure.
func text(of report: SystemReport) -> String {
    let findings = report.findings
    let width = { (words: [String]) in words.map(\.count).max() ?? 0 }
    let subjectWidth = width(findings.map(\.subject.rawValue))
    let valueWidth = width(findings.map(\.value))
    let placeWidth = width(SystemCure.Place.allCases.map(\.rawValue))
    var lines: [String] = []
    for finding in findings {
        let columns = [
            padded(finding.severity.description, to: 6),
            padded(finding.subject.rawValue, to: subjectWidth),
            padded(finding.value, to: valueWidth),
            finding.verdict,
        ]
        lines.append(columns.joined(separator: "  "))
        for cure in finding.cures {
            lines.append("          \(padded(cure.place.rawValue, to: placeWidth))  \(cure.text)")
        }
    }
    return (lines + ["", summary(of: report)]).joined(separator: "\n")
}

private func summary(of report: SystemReport) -> String {
    let count = report.findings.count { $0.severity == .limit }
    switch report.severity {
    case .well: return "well: a server runs on \(report[.engine].value)"
    case .limit:
        return "a server runs on \(report[.engine].value) and will meet \(count == 1 ? "a limit" : "\(count) limits")"
    case .unable: return "a server cannot run"
    }
}

private func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
}
