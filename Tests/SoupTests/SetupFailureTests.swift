// Setting a server up fails at its first call, its second, and so on until it succeeds. What is left each time: nothing;
// and the process can have a server all the same.
//
// strace fails the call from outside, in a process that has had servers before, so that what is left is compared exactly.

@preconcurrency import Glibc
import GrantedLevels
import NBUring
import Testing

extension SoupTests {
    @Suite struct SetupFailures {
        @Test func aSocketThatIsRefusedLeavesNothing() throws {
            try expectCleanFailures(of: SetupCall.ofSockets, on: .highestGranted, injections: 56)
        }

        @Test func aDescriptorOrThreadOrSignalThatIsRefusedLeavesNothing() throws {
            try expectCleanFailures(of: SetupCall.ofProcess, on: .highestGranted, injections: 11)
        }

        @Test(arguments: EngineChoice.grantedRings)
        func aRingThatIsRefusedLeavesNothing(engine: EngineChoice) throws {
            let injections = (engine == .ring(.linux5_11) ? 13 : 16) + Sanitizer.adviceCount
            try expectCleanFailures(of: SetupCall.ofRing(engine), on: engine, injections: injections)
        }

        /// A ring is proved by one submission before the server says that it listens.
        @Test(arguments: EngineChoice.grantedRings, [EPERM, ENOSYS, EACCES, EOPNOTSUPP])
        func aRingThatMayNotBeUsedLeavesNothing(engine: EngineChoice, errno: Int32) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let names = [EPERM: "EPERM", ENOSYS: "ENOSYS", EACCES: "EACCES", EOPNOTSUPP: "EOPNOTSUPP"]
            for command in ["run", "start"] {
                let name = try #require(names[errno])
                let injection = try Tracing("io_uring_enter", name, when: "1", of: process.pid)
                process.send("\(command) \(engine.number) 0 0")
                #expect(try process.nextLine() == "failed engineUnavailable, io_uring_enter, -, \(errno)")
                #expect(try ProcFS.descriptors(of: process.pid) == before.descriptors)
                let record = try injection.finish()
                #expect(record.injected == 1)
                #expect(record.calls.count == 1)
                try process.expectState(before)
            }
            try process.expectGreets(engine)
            try process.expectState(before)
        }

        /// The first submission behind the proof is part of no set-up that could throw: the server runs by then, and ends.
        @Test(arguments: EngineChoice.grantedRings, [EBADF, EFAULT, EOPNOTSUPP])
        func aRingThatIsRefusedItsFirstSubmissionLeavesNothing(engine: EngineChoice, errno: Int32) throws {
            let process = try TestServer.warm(engine)
            let before = try ProcessState(of: process.pid)
            let name = try #require([EBADF: "EBADF", EFAULT: "EFAULT", EOPNOTSUPP: "EOPNOTSUPP"][errno])
            let injection = try Tracing("io_uring_enter", name, when: "2", of: process.pid)
            process.send("run \(engine.number) 0 0")
            let listening = try Listening(try process.nextLine())
            let ended = try Ended(try process.nextLine())
            #expect(ended.accepted == 0)
            #expect(ended.reason.hasPrefix("failed: io_uring_enter: "))
            #expect(try process.nextLine() == "failed engineUnavailable, io_uring_enter, -, \(errno)")
            #expect(try ProcFS.descriptors(of: process.pid) == before.descriptors)
            let record = try injection.finish()
            #expect(record.injected == 1)
            #expect(record.calls.count == 2)
            try process.expectState(before)
            // The kernel lets go of an accept that was armed a moment after its ring is closed.
            for address in listening.addresses {
                try wait(for: "nothing listens at \(address)") { try outcome(at: address) == .refused }
            }
            try process.expectGreets(engine)
            try process.expectState(before)
        }
    }
}

// What set-up tries again.
extension SoupTests.SetupFailures {
    /// A server that was killed lets go of its address late, so it is tried 50 times more. Each time with a new socket.
    @Test func anAddressInUseIsTriedAgainAndThenGivenUp() throws {
        let process = try TestServer.warm()
        let before = try ProcessState(of: process.pid)
        for (when, injected, calls) in [("1", 1, 3), ("1..50", 50, 52), ("1+", 51, 51)] {
            let injection = try Tracing("bind", "EADDRINUSE", when: when, of: process.pid)
            process.send("start \(EngineChoice.highestGranted.number) 0 0")
            let answer = try process.nextLine()
            let record = try injection.finish()
            #expect(record.injected == injected)
            #expect(record.calls.count == calls)
            if when == "1+" {
                #expect(answer == "failed addressInUse, bind, 127.0.0.1:0, 98")
            } else {
                #expect(try Listening(answer).features == Listening.features(of: .highestGranted))
                try process.stop()
            }
            try process.expectState(before)
        }
        try process.expectGreets(.highestGranted)
        try process.expectState(before)
    }

    /// The kernel gives back the locked memory of a ring that was closed late, so it is asked 100 times more.
    @Test func memoryForARingIsAskedForAgainAndThenGivenUp() throws {
        for (when, injected, calls) in [("1", 1, 2), ("1+", 101, 101)] {
            // All at once, since each waits.
            let attempts = try EngineChoice.grantedRings.map { engine in
                let process = try TestServer.warm(engine)
                let before = try ProcessState(of: process.pid)
                let injection = try Tracing("io_uring_setup", "ENOMEM", when: when, of: process.pid)
                process.send("start \(engine.number) 0 0")
                return (engine, process, before, injection)
            }
            for (engine, process, before, injection) in attempts {
                let answer = try process.nextLine()
                let record = try injection.finish()
                #expect(record.injected == injected)
                #expect(record.calls.count == calls)
                if when == "1+" {
                    #expect(answer == "failed engineUnavailable, io_uring_setup, -, 12")
                } else {
                    #expect(try Listening(answer).engine == engine)
                    try process.stop()
                }
                try process.expectState(before)
                try process.expectGreets(engine)
                try process.expectState(before)
            }
        }
    }

    /// A kernel without memory for requests is asked 100 times more, in the proof.
    @Test func aProofThatIsPutOffIsGivenUp() throws {
        let process = try TestServer.warm()
        let before = try ProcessState(of: process.pid)
        let injection = try Tracing("io_uring_enter", "EAGAIN", when: "1+", of: process.pid)
        process.send("start \(EngineChoice.highestGranted.number) 0 0")
        #expect(try process.nextLine() == "failed engineUnavailable, io_uring_enter, -, 11")
        #expect(try injection.finish().injected == 101)
        try process.expectState(before)
        try process.expectGreets(.highestGranted)
        try process.expectState(before)
    }

    /// A kernel that does not know a flag says EINVAL; then the next level below is tried.
    @Test(arguments: EngineChoice.grantedRings)
    func eachLevelThatIsRefusedLeadsToTheNextLower(highest: EngineChoice) throws {
        let process = try TestServer.warm(highest)
        let before = try ProcessState(of: process.pid)
        let levels = highest.number + 1
        for refused in 1...levels {
            let injection = try Tracing("io_uring_setup", "EINVAL", when: "1..\(refused)", of: process.pid)
            process.send("start \(highest.number) 0 0")
            let answer = try process.nextLine()
            let record = try injection.finish()
            #expect(record.injected == refused)
            #expect(record.calls.count == min(refused + 1, levels))
            if refused == levels {
                #expect(answer == "failed engineUnavailable, io_uring_setup, -, 22")
            } else {
                let listening = try Listening(answer)
                #expect(listening.engine.number == highest.number - refused)
                #expect(listening.features == Listening.features(of: listening.engine))
                for address in listening.addresses { try expectOutcome(.greeted, at: address) }
                #expect(try process.stop() == Ended(accepted: 2, delivered: 2))
            }
            try process.expectState(before)
        }
        try process.expectGreets(highest)
        try process.expectState(before)
    }

    /// The proof of the ring, and what is submitted behind it.
    @Test(arguments: EngineChoice.grantedRings, ["EINTR", "EAGAIN", "EBUSY"])
    func aFirstSubmissionThatIsPutOffIsTriedAgain(engine: EngineChoice, error: String) throws {
        for when in ["1..5", "2..6"] { try expectAnotherTry(when, error, on: engine) }
    }

    private func expectAnotherTry(_ when: String, _ error: String, on engine: EngineChoice) throws {
        let process = try TestServer.warm(engine)
        let before = try ProcessState(of: process.pid)
        let injection = try Tracing("io_uring_enter", error, when: when, of: process.pid)
        let listening = try process.start(engine)
        try injection.waitForInjections(5)
        for address in listening.addresses { try expectOutcome(.greeted, at: address) }
        #expect(try injection.finish().injected == 5)
        #expect(try process.stop() == Ended(accepted: 2, delivered: 2))
        try process.expectState(before)
    }
}

extension TestServer {
    /// It can have a server that greets a client at each of its addresses.
    fileprivate func expectGreets(_ engine: EngineChoice, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let listening = try start(engine)
        for address in listening.addresses { try expectOutcome(.greeted, at: address, sourceLocation: sourceLocation) }
        let ended = try stop()
        #expect(ended == Ended(accepted: 2, delivered: 2), sourceLocation: sourceLocation)
    }
}

/// Fails each of the calls at each of its turns with each of its errors.
private func expectCleanFailures(
    of calls: [SetupCall],
    on engine: EngineChoice,
    injections expected: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let process = try TestServer.warm(engine)
    let before = try ProcessState(of: process.pid)
    var injections = 0
    for call in calls {
        for refusal in call.refusals {
            // And once more than there are calls: then none fails.
            for turn in 1...call.outcomes.count + 1 {
                let attempt = SetupAttempt(process: process, call: call, refusal: refusal, turn: turn, engine: engine)
                injections += try attempt.run(from: before, sourceLocation)
            }
        }
    }
    print("set-up on \(engine): \(injections) injected failures of \(calls.map(\.name).joined(separator: ", "))")
    #expect(injections == expected, sourceLocation: sourceLocation)
}

/// One server whose set-up meets a failure at a certain turn of a call, and one after it that meets none.
private struct SetupAttempt: CustomStringConvertible {
    let process: TestServer
    let call: SetupCall
    let refusal: SetupCall.Refusal
    let turn: Int
    let engine: EngineChoice

    var description: String { "\(refusal.error) from call \(turn) of \(call.name) on \(engine)" }

    /// Returns how many calls failed.
    func run(from before: ProcessState, _ sourceLocation: SourceLocation) throws -> Int {
        let injection = try Tracing(
            call.name,
            refusal.error,
            when: String(turn),
            about: call.path,
            of: process.pid
        )
        process.send("\(call.command) \(engine.number) 0 0")
        let answer = try process.nextLine()
        let record = try injection.finish()

        let outcome = turn <= call.outcomes.count ? call.outcomes[turn - 1] : nil
        #expect(record.injected == (outcome == nil ? 0 : 1), "\(self)", sourceLocation: sourceLocation)
        if case .fails(let operation, let address)? = outcome {
            let error = "failed \(refusal.code), \(operation), \(address), \(refusal.errno)"
            #expect(answer == error, "\(self)", sourceLocation: sourceLocation)
            // Not a moment later: it is all gone when the error is thrown.
            let descriptors = try ProcFS.descriptors(of: process.pid)
            #expect(descriptors == before.descriptors, "\(self)", sourceLocation: sourceLocation)
        } else {
            var features = Listening.features(of: engine)
            if case .serves(let fewer)? = outcome { features = fewer }
            try expectServes(answer, features, sourceLocation)
        }
        try process.expectState(before)

        if record.injected > 0 {
            try process.expectGreets(engine, sourceLocation: sourceLocation)
            try process.expectState(before)
        }
        return record.injected
    }

    /// It greets a client at each of its addresses, and ends.
    private func expectServes(
        _ answer: String,
        _ features: String,
        _ sourceLocation: SourceLocation
    ) throws {
        let listening = try Listening(answer)
        #expect(listening.engine == engine, "\(self)", sourceLocation: sourceLocation)
        #expect(listening.features == features, "\(self)", sourceLocation: sourceLocation)
        for address in listening.addresses { try expectOutcome(.greeted, at: address, sourceLocation: sourceLocation) }
        let ended: Ended
        if call.command == "start" {
            ended = try process.stop()
        } else {
            process.signal(SIGTERM)
            ended = try Ended(try process.nextLine())
            try process.expectLines(["stopped"])
        }
        #expect(ended.accepted == 2, "\(self)", sourceLocation: sourceLocation)
        #expect(ended.delivered == 2, "\(self)", sourceLocation: sourceLocation)
    }
}
