// io_uring that is absent, forbidden, or interrupts: strace stands in for the kernel.

@preconcurrency import Glibc
import Testing

extension SoupTests {
    @Suite struct RingFailures {
        struct Refusal: Sendable, CustomTestStringConvertible {
            var error: String
            /// What the line has to name: cause and cure.
            var words: [String]
            var testDescription: String { error }
        }

        /// Refused after the ring was made, and before anything says that soup listens.
        @Test(arguments: ["EPERM", "ENOSYS", "EACCES", "EOPNOTSUPP"])
        func aRingThatMayNotBeUsedIsExplained(error: String) throws {
            let address = try OwnListener.freeAddress()
            let wrapper = try Wrapper.failing("io_uring_enter", with: error) + Wrapper.onTheRing
            let soup = try EndedSoup(["\(address)"], under: wrapper)
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            let line = try #require(soup.errorLine, "\(soup.errors)")
            for word in ["io_uring_enter", "seccomp profile", "seccomp=PROFILE.json"] { #expect(line.contains(word)) }
            try expectOutcome(.refused, at: address)
        }

        @Test(arguments: [
            Refusal(error: "ENOSYS", words: ["io_uring", "Function not implemented", "kernel", "seccomp"]),
            Refusal(
                error: "EPERM",
                words: ["io_uring", "Operation not permitted", "kernel.io_uring_disabled", "seccomp"]
            ),
            Refusal(error: "EACCES", words: ["io_uring", "Permission denied", "SELinux", "seccomp=PROFILE.json"]),
            Refusal(error: "EOPNOTSUPP", words: ["io_uring", "Operation not supported", "seccomp=PROFILE.json"]),
            Refusal(error: "ENOMEM", words: ["io_uring", "Cannot allocate memory", "locked", "ulimit -l"]),
        ])
        func aRingThatCannotBeMadeIsExplained(refusal: Refusal) throws {
            let address = try OwnListener.freeAddress()
            let wrapper = try Wrapper.failing("io_uring_setup", with: refusal.error) + Wrapper.onTheRing
            let soup = try EndedSoup(["\(address)"], under: wrapper)
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            let line = try #require(soup.errorLine, "\(soup.errors)")
            for word in refusal.words { #expect(line.contains(word)) }
            try expectOutcome(.refused, at: address)
        }

        /// What refuses the ring makes no difference to clients, and one line says what it was.
        @Test(arguments: ["EPERM", "ENOSYS"], ["io_uring_setup", "io_uring_enter"])
        func withoutARingItServesOnEpollAndSaysWhy(error: String, call: String) throws {
            var soup = try Soup(["127.0.0.1:0"], under: try Wrapper.failing(call, with: error))
            try expectGreetsAndEnds(&soup)
            let lines = soup.child.errors.split(separator: "\n").filter { $0.hasPrefix("soup: ") }
            #expect(lines.count == 1)
            let line = try #require(lines.first)
            for word in ["running on epoll of Linux", "no ring is used", call, "seccomp=PROFILE.json"] {
                #expect(line.contains(word), "\(line)")
            }
        }

        /// A kernel before 5.18, as a server sees one: a filter keeps it from telling its operations, and the system says that it is Linux 2.6.
        @Test func aRingOnWhichWorkersReceiveNothingIsNotUsed() throws {
            let call = try #require(try SystemCallFilter.numbers()["io_uring_register"])
            let probe = SystemCallFilter.Argument(index: 1, mask: ~0, value: 8)  // `IORING_REGISTER_PROBE`
            let filter = try SystemCallFilter(
                [SystemCallFilter.Rule(number: call, arguments: [probe], errno: UInt32(EINVAL))],
                otherwise: nil
            )
            let old = try Wrapper.filtered(by: filter) + [try program("setarch"), "--uname-2.6"]
            let echo = try Example("echo", under: old)
            try expectEcho("hello", at: echo.address)
            for word in [
                "running on epoll of Linux", "no ring is used", "workers receive nothing", "Linux 5.18 or newer",
            ] {
                #expect(echo.child.errors.contains(word), "\(echo.child.errors)")
            }
            try echo.expectCleanEnd()
            // A program that asks for the ring has one.
            let asking = try Soup(["127.0.0.1:0"], under: old + Wrapper.onTheRing)
            try expectOutcome(.greeted, at: asking.address)
        }

        @Test func anEngineThatIsNoneIsAnError() throws {
            let soup = try EndedSoup(["127.0.0.1:0"], under: [try program("env"), "NB_SERVER_ENGINE=uring"])
            #expect(soup.ending == .exited(1))
            let cure = #""uring" is no engine; set it to automatic, ring or epoll, or unset it"#
            #expect(soup.errorLine == "soup: NB_SERVER_ENGINE: \(cure)")
        }

        @Test func theEnvironmentAsksForEpoll() throws {
            let soup = try Soup(["127.0.0.1:0"], under: [try program("env"), "NB_SERVER_ENGINE=epoll"])
            #expect(try oneAfterTheOther(20_000, to: soup.address) == [.greeted: 20_000])
            #expect(soup.child.errors.contains("NB_SERVER_ENGINE asks for epoll"), "\(soup.child.errors)")
        }

        /// None of these is an error of the server's: it tries again, and loses nobody.
        @Test(arguments: ["EINTR", "EAGAIN", "EBUSY"], ["3+7", "2+2"])
        func anInterruptedRingLosesNobody(error: String, when: String) throws {
            let log = try TemporaryFile()
            let wrapper = try Wrapper.failing("io_uring_enter", with: error, when: when, log: log.path)
            let soup = try Soup(["127.0.0.1:0"], under: wrapper)
            let before = try ProcFS.descriptors(of: soup.pid)
            try expectOutcome(.greeted, at: soup.address)
            let tally = try oneAfterTheOther(200, to: soup.address)
            #expect(tally == [.greeted: 200])
            try soup.pause()
            let clients = try Clients(1_000, to: soup.address)
            soup.resume()
            try expectAllGreeted(clients)
            try soup.expectDescriptors(before)
            #expect(try ProcFS.text(log.path).split(separator: "\n").count(where: { $0.contains("(INJECTED)") }) > 10)
        }
    }
}
