import Foundation
import Testing

/// What the bridges' doc comments show is in the programs of this package, which compile and are tested.
@Suite struct PagesTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../../..")

    private static let pages = [
        "Sources/NBServerLifecycle/DrainingService.swift",
        "Sources/NBServerObservability/LogObserver.swift",
        "Sources/NBServerObservability/MetricsObserver.swift", "Sources/NBServerNIO/NIOAcceptor.swift",
        "Sources/NBServerNIO/NIOAsyncAcceptor.swift",
    ]

    @Test(arguments: pages) func whatAPageShowsIsInAProgram(page: String) throws {
        let programs = try Self.programs()
        let blocks = Self.blocks(of: try Self.lines(of: page))
        #expect(!blocks.isEmpty)
        for block in blocks {
            #expect(programs.contains { Self.isPart(block, of: $0) }, "no program has this: \(block)")
        }
    }

    private static func lines(of path: String) throws -> [String] {
        try String(contentsOf: root.appending(path: path), encoding: .utf8).split(separator: "\n").map(trimmed)
    }

    /// A line without its indentation, and without the signs of a doc comment.
    private static func trimmed(_ line: Substring) -> String {
        let text = line.drop { $0 == " " }
        return String((text.hasPrefix("///") ? text.dropFirst(3) : text).drop { $0 == " " })
    }

    private static func blocks(of lines: [String]) -> [[String]] {
        var blocks: [[String]] = []
        var block: [String]?
        for line in lines {
            if line == "```swift" {
                block = []
            } else if line == "```" {
                if let block { blocks.append(block) }
                block = nil
            } else {
                block?.append(line)
            }
        }
        return blocks
    }

    private static func programs() throws -> [[String]] {
        let folder = root.appending(path: "Examples/Companions/Sources")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        return try names.filter { $0 != "Shared" }.map { try lines(of: "Examples/Companions/Sources/\($0)/main.swift") }
    }

    /// Whether the lines are there in their order.
    private static func isPart(_ block: [String], of program: [String]) -> Bool {
        var rest = program[...]
        for line in block {
            guard let place = rest.firstIndex(of: line) else { return false }
            rest = rest[(place + 1)...]
        }
        return true
    }
}
