import Glibc
import GrantedLevels
import Testing

@testable import NBServer

/// A scenario on the real kernel: it runs in a process that runs nothing else, on one engine, and leaves nothing behind.
///
/// Called inside an exit test, with the engine in its capture list. What the scenario expects in vain is the parent's to report;
/// a scenario that hangs is ended by `SIGALRM`. Every such test takes its engine as `on:`, and by that name
/// the scenarios can be counted in what `swift test` prints.
enum KernelScenario {
    /// Nothing here takes so long, not in an emulated machine either; who waits longer waits for what never comes.
    static let patience: UInt32 = 600

    static func run(on engine: EngineChoice, _ scenario: () throws -> Void) async throws {
        let before = try await prepare(engine)
        try scenario()
        compare(with: before)
    }

    /// The same for a scenario that waits as tasks do, on the main thread. Its calls have no time limit but `SIGALRM`: the
    /// thread that watches limits outlives its last call, and would count as left behind.
    @MainActor static func runTask(on engine: EngineChoice, _ scenario: @MainActor () async throws -> Void) async throws
    {
        let before = try await prepare(engine)
        try await scenario()
        compare(with: before)
    }

    private nonisolated(nonsending) static func prepare(_ engine: EngineChoice) async throws -> ProcessState {
        alarm(patience)
        speakToTheParent()
        // What the runtime and the test library open for themselves when they first need it.
        try await Task.sleep(for: .nanoseconds(1))
        try warmUp(engine)
        return ProcessState.settled()
    }

    private static func compare(with before: ProcessState) {
        let after = ProcessState.waiting { $0.isLike(before) }
        let difference = after.difference(from: before)
        if !difference.isEmpty { Issue.record("the scenario changed what is open: \(difference)") }
    }

    /// A trap's last words would go nowhere: an exit test's standard error is `/dev/null`.
    static func speakToTheParent() {
        let descriptor = open("/proc/\(getppid())/fd/2", O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        dup2(descriptor, STDERR_FILENO)
        close(descriptor)
    }

    /// Waits for something that comes.
    static func wait(for event: String, _ hasCome: () throws -> Bool) throws {
        for _ in 0..<60_000 {
            if try hasCome() { return }
            usleep(1000)
        }
        throw NeverCame(event: event)
    }

    struct NeverCame: Error {
        let event: String
    }

    private static func warmUp(_ engine: EngineChoice) throws {
        let server = try RunningServer(engine: engine) { connection, _ in connection.send("hello") }
        #expect(try Client(server.address).readToEnd() == .end("hello"))
        try server.stop()
    }
}
