// System calls of the epoll engine that fail: strace stands in for the kernel, and for filters of system calls. A client
// that was accepted is served once, a client that was not waits in the queue, and no call is repeated without a pause.

@preconcurrency import Glibc
import GrantedLevels
import Testing

extension SoupTests {
    @Suite struct EpollFailures {
        struct Refusal: Sendable, CustomTestStringConvertible {
            var call: String
            var error: String
            /// What the line has to name, beside the call: cause and cure.
            var words: [String]
            var testDescription: String { "\(error) of \(call)" }
        }

        @Test(arguments: [
            Refusal(call: "epoll_create1", error: "EMFILE", words: ["Too many open files", "ulimit -n"]),
            Refusal(call: "epoll_create1", error: "ENFILE", words: ["Too many open files in system", "fs.file-max"]),
            Refusal(call: "epoll_create1", error: "ENOMEM", words: ["Cannot allocate memory", "memory limit"]),
            Refusal(call: "epoll_create1", error: "ENOSYS", words: ["Function not implemented", "a filter"]),
            Refusal(call: "epoll_create1", error: "EPERM", words: ["Operation not permitted", "a filter"]),
            Refusal(call: "epoll_ctl", error: "ENOSYS", words: ["Function not implemented", "a filter"]),
            Refusal(call: "epoll_ctl", error: "EPERM", words: ["Operation not permitted", "a filter"]),
            Refusal(call: "epoll_ctl", error: "EACCES", words: ["Permission denied", "a filter"]),
        ])
        func anEpollThatCannotBeUsedIsExplained(refusal: Refusal) throws {
            let address = try OwnListener.freeAddress()
            let wrapper = try Wrapper.failing(refusal.call, with: refusal.error) + Wrapper.onEpoll
            let soup = try EndedSoup(["\(address)"], under: wrapper)
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            let line = try #require(soup.errorLine, "\(soup.errors)")
            for word in [refusal.call] + refusal.words { #expect(line.contains(word), "\(line)") }
            try expectOutcome(.refused, at: address)
        }

        /// `automatic` names the causes of both engines in one error.
        @Test func withoutAnyEngineBothCausesAreNamed() throws {
            let address = try OwnListener.freeAddress()
            let wrapper = try Wrapper.failing("io_uring_setup,epoll_create1", with: "EPERM")
            let soup = try EndedSoup(["\(address)"], under: wrapper)
            #expect(soup.ending == .exited(1))
            #expect(soup.output == "")
            let line = try #require(soup.errorLine, "\(soup.errors)")
            for word in ["epoll_create1", "a filter", "io_uring_setup", "no ring is used either"] {
                #expect(line.contains(word), "\(line)")
            }
            try expectOutcome(.refused, at: address)
        }

        /// The limit of watches (`fs.epoll.max_user_watches`), and want of memory: the listeners park, and try again.
        @Test(arguments: ["ENOSPC", "ENOMEM"])
        func aServerThatMayNotWatchItsListenersServesAllTheSame(error: String) throws {
            let process = try TestServer.warm(.epoll)
            let before = try ProcessState(of: process.pid)
            let tracing = try Tracing("epoll_ctl", error, and: "epoll_pwait2", of: process.pid)
            let address = try process.start(.epoll).addresses[0]
            try expectAllGreeted(Clients(200, to: address))
            try expectAllGreeted(Clients(200, to: address))
            try expectPauses(of: tracing)
            try expectAllGreeted(Clients(200, to: address))
            let ended = try process.stopAmongReports()
            #expect(ended.accepted == 600)
            #expect(ended.delivered == 600)
            #expect(ended.acceptFailures > 0)
            try process.expectState(before)
        }

        /// What wakes the loop is watched anew each time. While it is not, the loop looks at its messages of its own accord.
        @Test(arguments: ["ENOSPC", "ENOMEM", "EPERM"])
        func aServerThatMayNotWatchForMessagesHandlesThemAllTheSame(error: String) throws {
            let process = try TestServer.warm(.epoll)
            let before = try ProcessState(of: process.pid)
            let address = try process.start(.epoll).addresses[0]
            try expectOutcome(.greeted, at: address)
            let tracing = try Tracing("epoll_ctl", error, and: "epoll_pwait2", of: process.pid)
            for count in 1...5 {
                process.send("burst 1")
                #expect(try process.nextAnswer() == "handled \(count)")
                try expectAllGreeted(Clients(100, to: address))
            }
            try expectPauses(of: tracing)
            process.send("burst 1")
            #expect(try process.nextAnswer() == "handled 6")
            let ended = try process.stopAmongReports()
            #expect(ended.accepted == 501)
            #expect(ended.delivered == 501)
            try process.expectState(before)
        }

        /// A receive that cannot wait is tried again until something is there.
        @Test(arguments: ["ENOSPC", "ENOMEM"])
        func workersThatMayNotWaitReceiveAllTheSame(error: String) throws {
            let echo = try Example("echo", under: [try program("env"), "NB_SERVER_ENGINE=epoll"])
            let tracing = try Tracing("epoll_ctl", error, and: "epoll_pwait2", of: echo.pid)
            let clients = try Clients(20, to: echo.address)
            try clients.waitUntilConnected()
            try tracing.waitForInjections(20)
            try clients.send(Array("hello".utf8))
            try clients.waitUntil(20, have: 5)
            clients.halfClose()
            #expect(try clients.tally() == [Outcome(text: "hello", end: .closed): 20])
            try expectPauses(of: tracing)
            try echo.expectCleanEnd()
        }

        /// Ten accepts in twenty fail, and take no connection from the queue.
        @Test(arguments: ["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EPROTO", "EPERM", "EINTR"])
        func anAcceptThatFailsLosesNobody(error: String) throws {
            let process = try TestServer.warm(.epoll)
            let before = try ProcessState(of: process.pid)
            let tracing = try Tracing("accept4", error, when: "3..21+2", of: process.pid)
            let address = try process.start(.epoll).addresses[0]
            try process.pause()
            let clients = try Clients(300, to: address)
            process.resume()
            try expectAllGreeted(clients)
            #expect(try tracing.finish().injected == 10)
            var expected = Ended(accepted: 300, delivered: 300)
            // One that a signal interrupts is made again.
            expected.acceptFailures = error == "EINTR" ? 0 : 10
            #expect(try process.stopAmongReports() == expected)
            try process.expectState(before)
        }

        /// A server that waits after each try does not spin. The wake-up, two listeners and twenty connections may be tried in one turn.
        private func expectPauses(of tracing: Tracing) throws {
            let record = try tracing.finish()
            #expect(record.injected > 0)
            #expect(record.injected <= 25 * (record.others.count + 2), "\(record.others.count) waits")
        }
    }
}

extension TestServer {
    /// The next line that is no report of a listener's.
    fileprivate func nextAnswer() throws -> String {
        while true {
            let line = try nextLine()
            if !line.hasPrefix("parked ") && !line.hasPrefix("recovered ") { return line }
        }
    }

    /// Stops it, whatever its listeners have reported before.
    fileprivate func stopAmongReports() throws -> Ended {
        send("stop")
        let ended = try Ended(try nextAnswer())
        try expectLines(["stopped"])
        return ended
    }
}
