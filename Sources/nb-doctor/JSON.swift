import NBServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A report for programs: an object of a severity and findings, in which names stay as they are.
func jsonText(of report: SystemReport) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(EncodableReport(report)), as: UTF8.self)
}

/// What of a report is written. A value.
private struct EncodableReport: Encodable {
    struct Finding: Encodable {
        let subject: String
        let value: String
        let severity: String
        let verdict: String
        let cures: [Cure]
    }

    struct Cure: Encodable {
        let place: String
        let text: String
    }

    let severity: String
    let findings: [Finding]

    init(_ report: SystemReport) {
        severity = report.severity.description
        findings = report.findings.map { finding in
            Finding(
                subject: finding.subject.rawValue,
                value: finding.value,
                severity: finding.severity.description,
                verdict: finding.verdict,
                cures: finding.cures.map { Cure(place: $0.place.rawValue, text: $0.text) }
            )
        }
    }
}
