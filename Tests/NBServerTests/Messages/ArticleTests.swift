import Glibc
import Testing

/// The article for those who come from Erlang names a test in each of its rows, and the tests exist.
@Suite struct ArticleTests {
    private struct Row {
        let erlang: String
        let ours: String
        let tests: [String]

        /// From a line of the table; `nil` for a heading.
        init?(_ line: Substring) {
            let cells = line.split(separator: "|").map { $0.trimmed }
            guard cells.count == 4, !cells[0].hasPrefix("**"), !cells[0].hasPrefix("---"), cells[0] != "Erlang" else {
                return nil
            }
            (erlang, ours) = (cells[0], cells[1])
            tests = cells[3].split(separator: ",").map { $0.trimmed }
        }

        var isAbsent: Bool { ours == "–" }
    }

    private static let root = #filePath.firstRange(of: "/Tests/NBServerTests/").map { #filePath[..<$0.lowerBound] }

    private func rows() throws -> [Row] {
        let root = try #require(Self.root)
        let article = try text(of: "\(root)/Sources/NBServer/NBServer.docc/ComingFromErlang.md")
        return article.split(separator: "\n").filter { $0.hasPrefix("|") }.compactMap { Row($0) }
    }

    @Test func whateverIsHereHasATest() throws {
        let rows = try rows()
        #expect(rows.count == 102)
        for row in rows where !row.isAbsent {
            #expect(!row.tests.isEmpty && row.tests != ["–"], "\(row.erlang) has no test")
        }
    }

    @Test func everyTestThatTheArticleNamesExists() throws {
        let functions = try Set(sources().flatMap { try testFunctions(in: try text(of: $0)) })
        #expect(functions.count > 300)
        for row in try rows() {
            for test in row.tests where test != "–" {
                #expect(test.hasPrefix("`") && test.hasSuffix("`"), "\(row.erlang): \(test) is no name")
                #expect(functions.contains(String(test.dropFirst().dropLast())), "\(row.erlang): there is no \(test)")
            }
        }
    }

    /// The names of functions that come after `@Test`.
    private func testFunctions(in source: String) throws -> [String] {
        source.split(separator: "@Test").dropFirst().compactMap { text in
            guard let start = text.firstRange(of: "func ")?.upperBound else { return nil }
            return String(text[start...].prefix { $0 != "(" })
        }
    }

    private func sources() throws -> [String] {
        let root = try #require(Self.root)
        var (folders, files): ([String], [String]) = (["\(root)/Tests"], [])
        while let folder = folders.popLast() {
            let directory = try #require(opendir(folder))
            defer { closedir(directory) }
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name.hasPrefix(".") { continue }
                if entry.pointee.d_type == DT_DIR { folders.append("\(folder)/\(name)") }
                if name.hasSuffix(".swift") { files.append("\(folder)/\(name)") }
            }
        }
        return files
    }

    private func text(of path: String) throws -> String {
        let file = try #require(fopen(path, "re"), "there is no \(path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension StringProtocol {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
