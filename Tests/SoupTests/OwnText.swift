// Files of this tree that tests compare with what programs do.

@preconcurrency import Glibc

/// The text of a file of the tree that these tests were built in.
func ownText(of path: String) throws -> String {
    guard let root = #filePath.firstRange(of: "/Tests/SoupTests/")?.lowerBound else {
        throw Failure("\(#filePath) is not where it should be")
    }
    return try ProcFS.text("\(#filePath[..<root])/\(path)")
}
