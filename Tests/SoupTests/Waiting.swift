// What every helper needs: an error with a sentence, and a limit that is met only by what is broken.

@preconcurrency import Glibc

/// Why a test cannot go on.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }

    init(call: String) {
        self.init("\(call): \(String(cString: strerror(errno)))")
    }
}

/// A moment so far away that only something that hangs gets there.
struct Deadline {
    private let moment = ContinuousClock.now + .seconds(30)

    var isAhead: Bool { ContinuousClock.now < moment }
}

/// Waits for a condition; throws a sentence that says which one never came true.
func wait(for what: String, until isTrue: () throws -> Bool) throws {
    let deadline = Deadline()
    while try !isTrue() {
        guard deadline.isAhead else { throw Failure("this does not happen: \(what)") }
        usleep(500)
    }
}
