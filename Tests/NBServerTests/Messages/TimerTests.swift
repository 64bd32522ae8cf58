import NBEngine
import Testing

@testable import NBServer

/// Timers, in a time that stands still.
@Suite struct TimerTests {
    @Test func aTimerComesOnceAndNotBeforeItsTime() throws {
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            _ = context.startTimer(after: .milliseconds(100))
            return .continue
        }
        let end = try ScriptedClerk().run(
            clerk,
            script: [
                { kernel in
                    #expect(kernel.deadline == kernel.now + .milliseconds(100))
                    kernel.now = kernel.now + .nanoseconds(99_999_999)
                },
                { kernel in
                    #expect(kernel.deadline == kernel.now + .nanoseconds(1))
                    kernel.now = kernel.now + .nanoseconds(1)
                },
                { kernel in
                    #expect(kernel.deadline == nil)
                    kernel.now = kernel.now + .seconds(100)
                },
            ]
        )
        #expect(end.seen == ["timer(timer 1)"])
    }

    @Test func timersComeInTheOrderOfTheirTimes() throws {
        let seen = Record<Int>()
        let timers = Record<TimerID>()
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            for milliseconds in [30, 10, 20, 10, -5, 0] {
                timers.append(context.startTimer(after: .milliseconds(milliseconds)))
            }
            return .continue
        }
        clerk.onInfo = { _, info, _ in
            if case .timer(let timer) = info { seen.append(timers.entries.firstIndex(of: timer) ?? -1) }
            return .continue
        }
        try ScriptedClerk().run(
            clerk,
            script: [{ _ in }, { _ in #expect(seen.entries == [4, 5]) }, { $0.now = $0.now + .milliseconds(30) }]
        )
        #expect(seen.entries == [4, 5, 1, 3, 2, 0])
    }

    @Test func aTimerThatIsTakenBackTellsWhatWasLeftAndDoesNotCome() throws {
        let left = Record<Duration?>()
        let scripted = try ScriptedClerk()
        let mailbox = scripted.mailbox
        var clerk = Clerk()
        let timers = Record<TimerID>()
        clerk.onBegin = { _, context in
            timers.append(context.startTimer(after: .milliseconds(100)))
            return .continue
        }
        let end = try scripted.run(
            clerk,
            script: [
                { kernel in
                    kernel.now = kernel.now + .milliseconds(40)
                    try mailbox.put(
                        CastMessage<Clerk>(
                            .perform { _, context in
                                for timer in timers.entries + timers.entries { left.append(context.cancelTimer(timer)) }
                                return .continue
                            }
                        )
                    )
                },
                { kernel in
                    #expect(kernel.deadline == nil)
                    kernel.now = kernel.now + .seconds(1)
                },
            ]
        )
        #expect(left.entries == [.milliseconds(60), nil])
        #expect(end.seen.isEmpty)
    }

    /// Both are due; the first takes the second back.
    @Test func aTimerThatIsDueCanStillBeTakenBack() throws {
        let left = Record<Duration?>()
        let timers = Record<TimerID>()
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            for _ in 0..<2 { timers.append(context.startTimer(after: .milliseconds(10))) }
            return .continue
        }
        clerk.onInfo = { _, _, context in
            for timer in timers.entries { left.append(context.cancelTimer(timer)) }
            return .continue
        }
        let end = try ScriptedClerk().run(clerk, script: [{ $0.now = $0.now + .milliseconds(10) }, { _ in }])
        #expect(left.entries == [nil, .zero])
        #expect(end.seen.count == 1)
    }

    /// A behavior that starts the next one each time does not keep the server from anything else.
    @Test func aTimerWithoutDelayComesInATurnOfItsOwn() throws {
        let scripted = try ScriptedClerk()
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            _ = context.startTimer(after: .zero)
            return .continue
        }
        clerk.onInfo = { _, _, context in
            _ = context.startTimer(after: .zero)
            return .continue
        }
        let end = try scripted.run(clerk, script: [{ _ in }, { _ in }, { _ in }])
        // One in each turn: before each of the script's waits, before the one after it, and in the turn that stops.
        #expect(end.seen.count == 5)
    }

    @Test func aTimerForEverIsPossible() throws {
        let left = Record<Duration?>()
        var clerk = Clerk()
        clerk.onBegin = { _, context in
            left.append(context.cancelTimer(context.startTimer(after: .seconds(Int64.max))))
            _ = context.startTimer(after: .seconds(Int64.max))
            return .continue(timeout: .seconds(Int64.max))
        }
        let end = try ScriptedClerk().run(clerk, script: [{ $0.now = $0.now + .seconds(1_000_000) }, { _ in }])
        #expect(left.entries == [.nanoseconds(Int64.max)])
        #expect(end.seen.isEmpty)
    }

    @Test func onARealRingTimersComeToo() async throws {
        var clerk = Clerk()
        clerk.onInfo = { clerk, _, _ in
            clerk.callers.removeFirst().reply(clerk.seen.count)
            return .continue
        }
        try await clerk.serve { server in
            for number in 1...3 {
                let answer = try await server.call {
                    .perform(
                        { clerk, caller, context in
                            _ = context.startTimer(after: .milliseconds(1))
                            return clerk.keep(caller)
                        },
                        $0
                    )
                }
                #expect(answer == number)
            }
        }
    }
}
