import Glibc
import Testing

@testable import NBServer

/// Files of the kernel's: read, absent, unreadable, and not what they should be.
@Suite struct SystemTextTests {
    @Test func aFileIsReadWholeAndWithoutBlanksAtItsEnds() throws {
        #expect(SystemText.read("/proc/sys/kernel/ostype") == .text("Linux"))
        guard case .text(let zeros) = SystemText.read("/proc/self/status") else {
            Issue.record("/proc/self/status cannot be read")
            return
        }
        // Its last line.
        #expect(zeros.contains("nonvoluntary_ctxt_switches"))
        #expect(SystemText("\n 1 2\t\n") == .text("1 2"))
        #expect(SystemText("\n") == .text(""))
    }

    @Test func aFileThatIsNotThereIsAbsent() {
        #expect(SystemText.read("/proc/sys/kernel/no_such_thing") == .absent)
        #expect(SystemText.read("/proc/version/no_such_thing") == .absent)
        #expect(unknown { () throws(Unknown) in _ = try SystemText.absent.known(as: "x") } == "x is not there")
    }

    @Test func aFileThatCannotBeReadSaysWhy() {
        let text = SystemText.read("/proc")
        #expect(text == .unreadable("Is a directory (errno 21)"))
        let reason = unknown { () throws(Unknown) in _ = try text.numbers(1, as: "x") }
        #expect(reason == "x cannot be read: Is a directory (errno 21)")
    }

    @Test(arguments: ["", "1", "1 2 3", "1 x", "1 2.5", "99999999999999999999 1", "1 0x2"])
    func whatIsNotAsManyNumbersAsExpectedIsNotKnown(text: String) {
        let reason = unknown { () throws(Unknown) in _ = try SystemText(text).numbers(2, as: "x") }
        #expect(reason == "x reads \"\(text)\"")
    }

    @Test(arguments: ["32768\t60999", "  32768 60999\n"])
    func numbersAreRead(text: String) throws {
        #expect(try SystemText(text).numbers(2, as: "x") == [32_768, 60_999])
    }

    @Test(arguments: [
        ("6.1.0-18-amd64", KernelVersion(6, 1)), ("6.18.44", KernelVersion(6, 18)), ("6.1-rc3", KernelVersion(6, 1)),
        ("5.14.0-427.el9.x86_64", KernelVersion(5, 14)), ("4.4", KernelVersion(4, 4)), ("7.2+", KernelVersion(7, 2)),
        ("", nil), ("6", nil), ("6.", nil), (".6", nil), ("six.one", nil), ("99999999999999999999.1", nil),
    ])
    func aReleaseBeginsWithAVersion(release: String, version: KernelVersion?) {
        #expect(KernelVersion(release: release) == version)
    }

    private func unknown(_ body: () throws(Unknown) -> Void) -> String? {
        do throws(Unknown) {
            try body()
            return nil
        } catch {
            return error.reason
        }
    }
}
