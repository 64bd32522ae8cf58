// What happens to a whole process, on every level of the ring and on epoll; each with its numbers.

@preconcurrency import Glibc
import GrantedLevels
import NBUring
import Testing

extension SoupTests {
    @Suite struct Ladder {
        /// Every other submission of forty fails, whatever it was for.
        @Test(arguments: EngineChoice.grantedRings, ["EINTR", "EAGAIN", "EBUSY"])
        func anInterruptedRingLosesNobody(engine: EngineChoice, error: String) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let tracing = try Tracing("io_uring_enter", error, when: "2..40+2", of: process.pid)
            let address = try process.start(engine).addresses[0]
            let tally = try oneAfterTheOther(100, to: address)
            #expect(tally == [.greeted: 100])
            try process.pause()
            let clients = try Clients(500, to: address)
            process.resume()
            try expectAllGreeted(clients)
            #expect(try tracing.finish().injected == 20)
            #expect(try process.stop() == Ended(accepted: 600, delivered: 600))
            try process.expectState(before)
        }

        /// Five times, each with clients that came before, during and after the stop.
        @Test(arguments: EngineChoice.granted)
        func aProcessThatIsStoppedAmongClientsGreetsEachOnce(engine: EngineChoice) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let address = try process.start(engine).addresses[0]
            var clients = Clients()
            for _ in 1...5 {
                try clients.connect(100, to: address)
                try process.pause()
                try clients.connect(100, to: address)
                process.resume()
            }
            try expectAllGreeted(clients)
            #expect(try process.stop() == Ended(accepted: 1_000, delivered: 1_000))
            try process.expectState(before)
        }

        @Test(arguments: EngineChoice.granted, EngineChoice.granted)
        func twoServersOfAProcessDoNotKnowOfEachOther(first: EngineChoice, second: EngineChoice) throws {
            let process = try TestServer.warm(first)
            let before = try ProcessState(of: process.pid)
            let one = try process.start(first)
            let other = try process.start(second)
            #expect([one.engine, other.engine] == [first, second])
            // A crowd at each, at the same time.
            try process.pause()
            let ones = try Clients(200, to: one.addresses[0])
            let others = try Clients(300, to: other.addresses[1])
            process.resume()
            try expectAllGreeted(ones)
            try expectAllGreeted(others)
            #expect(try process.stop() == Ended(accepted: 200, delivered: 200))
            for address in one.addresses { try expectOutcome(.refused, at: address) }
            try expectAllGreeted(Clients(100, to: other.addresses[0]))
            #expect(try process.stop() == Ended(accepted: 400, delivered: 400))
            try process.expectState(before)
        }

        /// With connections it keeps, and with others that wait to be accepted.
        @Test(arguments: EngineChoice.granted)
        func anotherProcessTakesItsPlaceAfterAKill(engine: EngineChoice) throws {
            let port = try OwnListener.freeAddress().port
            var process = try TestServer()
            _ = try process.start(engine, port: port, keeping: 50)
            for _ in 1...3 {
                let kept = try Clients(50, to: .loopback(port))
                try kept.waitUntil(50, have: Soup.greeting.utf8.count)
                try process.pause()
                let queued = try Clients(200, to: .loopback(port))
                #expect(try ProcFS.queueLength(at: .loopback(port)) == 200)
                try process.kill()
                process = try TestServer()
                let listening = try process.start(engine, port: port, keeping: 50)
                #expect(listening.addresses.map(\.port) == [port, port])
                // The kernel ends what was served, and resets what was not.
                #expect(try kept.tally() == [.greeted: 50])
                #expect(try queued.tally() == [Outcome(text: "", end: .reset): 200])
            }
            try expectKeptAndGreeted(process, port)
        }

        private func expectKeptAndGreeted(_ process: TestServer, _ port: UInt16) throws {
            let kept = try Clients(50, to: .loopback(port))
            try kept.waitUntil(50, have: Soup.greeting.utf8.count)
            try expectAllGreeted(Clients(100, to: .loopback(port)))
            #expect(try process.stop() == Ended(accepted: 150, delivered: 150))
            try expectAllGreeted(kept)
        }
    }
}
