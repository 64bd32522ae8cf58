import Glibc
import LoopbackClient
import Measuring

// What only contenders are asked, and the programs that describe the machine and draw.
extension ChildProcess {
    /// The last line it printed, to explain a failure.
    var lastWords: String {
        let lines = printed.split(separator: "\n").filter { !$0.hasPrefix("listening on ") }
        return lines.last.map { ": \($0.prefix(160))" } ?? ""
    }

    /// Fails with its last words if it has ended.
    func expectRunning() throws {
        do {
            try failIfEnded()
        } catch let failure as Failure {
            throw Failure("\(failure)\(lastWords)")
        }
    }

    /// Whether it has ended within this time.
    func waitUntilEnded(seconds: Double) throws -> Bool {
        let deadline = Moment.now() + Moment(seconds: seconds)
        while try !hasEndedByNow() {
            guard Moment.now() < deadline else { return false }
            usleep(2000)
        }
        return true
    }
}
