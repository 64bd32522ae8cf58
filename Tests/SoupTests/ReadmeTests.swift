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

        private func text(of path: String) throws -> String {
            let file = try #require(fopen(path, "r"), "there is no \(path)")
            defer { fclose(file) }
            var bytes: [UInt8] = []
            while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
            return String(decoding: bytes, as: UTF8.self)
        }
    }
}
