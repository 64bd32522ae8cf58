// The README shows soup's source, and says that it is all of it.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct Readme {
        @Test func theProgramIsTheOneThatIsBuilt() throws {
            let root = try #require(#filePath.firstRange(of: "/Tests/SoupTests/").map { #filePath[..<$0.lowerBound] })
            let program = try text(of: "\(root)/Examples/Soup/main.swift")
            let readme = try text(of: "\(root)/README.md")
            #expect(readme.contains("```swift\n\(program)```\n"))
        }

        @Test func theSecondProgramIsOneThatIsBuiltAndIsShort() throws {
            let root = try #require(#filePath.firstRange(of: "/Tests/SoupTests/").map { #filePath[..<$0.lowerBound] })
            let program = try text(of: "\(root)/Examples/Counter/main.swift")
            let readme = try text(of: "\(root)/README.md")
            #expect(readme.contains("```swift\n\(program)```\n"))
            #expect(program.count { $0 == "\n" } < 25)
        }

        @Test func theSecondProgramCountsAndAnswers() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            var counter = try Child([try program("stdbuf"), "-oL", try Soup.built("counter")], input: ends[0])
            close(ends[0])
            try wait(for: "the counter listens") { counter.output.contains("\n") }
            let address = try Address(listeningLine: String(counter.output.prefix { $0 != ";" }))
            for _ in 0..<3 { _ = try outcome(at: address) }
            for line in ["\n", "reset\n"] { _ = write(ends[1], line, line.utf8.count) }
            close(ends[1])
            #expect(try counter.wait() == .exited(0))
            #expect(counter.output.split(separator: "\n").dropFirst() == ["3 served", "0 served"])
        }

        private func text(of path: String) throws -> String {
            let file = try #require(fopen(path, "r"), "there is no \(path)")
            defer { fclose(file) }
            var bytes: [UInt8] = []
            while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
