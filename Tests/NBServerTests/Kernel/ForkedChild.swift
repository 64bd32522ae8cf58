import Glibc
import Testing

/// A child of fork(2) that runs no other program.
enum ForkedChild {
    /// Does something in a child, and ends as that ends: a trap of the child's is one of this process. A child that hangs is ended after two
    /// minutes.
    static func run(_ body: () -> Void) throws {
        // Swift does not show fork(2), for the threads that a child has not got; this one needs no other.
        typealias Fork = @convention(c) () -> pid_t
        let symbol = try #require(dlsym(nil, "fork"))
        let child = unsafeBitCast(symbol, to: Fork.self)()
        if child == 0 {
            alarm(120)
            body()
            _exit(0)
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) == -1 && errno == EINTR {}
        if status != 0 { exit(1) }
    }
}
