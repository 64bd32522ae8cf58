// A server without anything to do, as the kernel accounts it.

import GrantedLevels
import NBEngine
import NBUring
import Testing

extension SoupTests {
    @Suite struct Idle {
        @Test(
            .enabled(
                if: ControlGroup.isAvailable,
                "no control group can be made here, or it does not account I/O pressure"
            ),
            .enabled(if: waitsOutsideIOWait, "before Linux 6.15 an idle ring counts as waiting for I/O"),
            arguments: EngineChoice.granted
        )
        func anIdleServerIsNotAccountedAsWaitingForIO(engine: EngineChoice) throws {
            let group = try ControlGroup(name: "idle")
            let process = try TestServer()
            try group.add(process.pid)
            let address = try process.start(engine).addresses[0]
            try expectOutcome(.greeted, at: address)
            let before = try group.waitedForIO()
            let start = ContinuousClock.now
            try wait(for: "half a second passes") { ContinuousClock.now - start >= .milliseconds(500) }
            let waited = try group.waitedForIO() - before
            #expect(waited < (ContinuousClock.now - start) / 10)
            try expectOutcome(.greeted, at: address)
            try process.stop()
            try process.kill()
        }
    }

    private static var waitsOutsideIOWait: Bool {
        (try? Ring(RingOptions(submissionDepth: 1, completionDepth: 1)).features.waitsOutsideIOWait) == true
    }
}
