internal import Glibc

/// Takes the process's descriptors, so that none is left for the server.
struct Hog {
    private var taken: [Int32] = []

    /// Takes all but `count` of them, and tells how many that were.
    mutating func takeAll(but count: Int) -> Int {
        while case let descriptor = dup(0), descriptor >= 0 { taken.append(descriptor) }
        for descriptor in taken.suffix(count) { close(descriptor) }
        taken.removeLast(min(count, taken.count))
        return taken.count
    }

    mutating func release() {
        for descriptor in taken { close(descriptor) }
        taken = []
    }
}
