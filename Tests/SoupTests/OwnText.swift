// Files of this tree that tests compare with what programs do.

@preconcurrency import Glibc

/// The text of a file of the tree that these tests were built in.
func ownText(of path: String) throws -> String {
    try ProcFS.text(ownPath(of: path))
}

/// Where a file of that tree is.
func ownPath(of path: String) -> String {
    let root = #filePath.firstRange(of: "/Tests/SoupTests/")?.lowerBound ?? #filePath.startIndex
    return "\(#filePath[..<root])/\(path)"
}
