import Foundation

/// A comparison for programs: everything that is in the tables, and every round.
struct JSONReport: Encodable {
    let isComplete: Bool
    let machine: [String: String]
    let contenders: [String: String]
    let rows: [Row]
    let precisions: [Precision]
    let samples: [Sample]
    let absences: [Absence]

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "infinite",
            negativeInfinity: "-infinite",
            nan: "none"
        )
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
