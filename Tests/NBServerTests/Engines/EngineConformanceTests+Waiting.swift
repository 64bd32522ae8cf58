import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

// Waiting in the engine, and elsewhere.
extension EngineConformanceTests {
    private static var eternity: Duration { .seconds(3_600) }

    @Test(arguments: TestedEngine.all)
    func theWakeUpWakesAnEngineThatWaits(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            let count = TestCounter()
            let descriptor = event.descriptor
            for round in 1...3 {
                let read = NBEngine.Operation.read(descriptor: descriptor, into: count.memory, count: 8)
                engine.submit(read, .of(.wakeUp, 1))
                var completions: [Completion] = []
                let hasWaited = try world.duringWait({ for _ in 0..<round { EventDescriptor.signal(descriptor) } }) {
                    completions = try engine.take(1)
                }
                #expect(hasWaited == true)
                #expect(completions == [Completion(token: .of(.wakeUp, 1), result: 8)])
                if count.value < round {
                    // It was read between two signals.
                    engine.submit(read, .of(.wakeUp, 1))
                    let first = count.value
                    #expect(try engine.take(1) == [Completion(token: .of(.wakeUp, 1), result: 8)])
                    #expect(first + count.value <= round)
                } else {
                    #expect(count.value == round)
                }
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func withADeadlineThatHasPassedItDoesNotWait(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            let count = TestCounter()
            let descriptor = event.descriptor
            engine.submit(.read(descriptor: descriptor, into: count.memory, count: 8), .of(.wakeUp, 1))
            for deadline in [engine.now, Instant(nanoseconds: 0)] {
                // An engine that waits is woken, and fails.
                let hasWaited = try world.duringWait({ EventDescriptor.signal(descriptor) }) {
                    try engine.enter(until: deadline)
                }
                #expect(hasWaited == false)
                #expect(engine.takeAll() == [])
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func itWaitsUntilTheDeadline(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            let count = TestCounter()
            // The event is never signaled, so the read stays in flight.
            engine.submit(.read(descriptor: event.descriptor, into: count.memory, count: 8), .of(.wakeUp, 1))
            for microseconds in [300, 1_500, 4_000] {
                let deadline = engine.now + .microseconds(microseconds)
                // It may return early with nothing, but not again and again.
                var enters = 0
                while engine.now < deadline && enters < 100 {
                    try engine.enter(until: deadline)
                    #expect(engine.takeAll() == [])
                    enters += 1
                }
                #expect(engine.now >= deadline)
            }
        }
    }

    @Test(arguments: TestedEngine.all, [true, false])
    func aCompletionEndsTheWait(engine: TestedEngine, hasDeadline: Bool) throws {
        try engine.check { engine, world in
            let client = try world.makeConnection()
            let deadline = engine.now + Self.eternity
            engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, 1))
            var completions: [Completion] = []
            let hasWaited = try world.duringWait({ client.say([1, 2, 3]) }) {
                // It may return early with nothing, but not again and again.
                for _ in 0..<1_000 where completions.isEmpty {
                    try engine.enter(until: hasDeadline ? deadline : nil)
                    completions = engine.takeAll()
                }
            }
            #expect(hasWaited == true)
            #expect(completions == [Completion(token: .of(.discardInput, 1), result: 3)])
            #expect(engine.now < deadline)
        }
    }

    @Test(arguments: TestedEngine.all)
    func itDoesNotWaitWhileThereIsACompletion(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            let count = TestCounter()
            let descriptor = event.descriptor
            engine.submit(.read(descriptor: descriptor, into: count.memory, count: 8), .of(.wakeUp, 1))
            for isOld in [false, true] {
                // One that this enter brings, and one that is still in the engine.
                engine.submit(.cancel(.of(.send, 77), descriptor: descriptor), .of(.cancel, 1))
                if isOld { try engine.poll() }
                let hasWaited = try world.duringWait({ EventDescriptor.signal(descriptor) }) {
                    try engine.enter(until: nil)
                }
                #expect(hasWaited == false)
                #expect(engine.takeAll() == [Completion(token: .of(.cancel, 1), result: -ENOENT)])
            }
        }
    }

    // A host that waits elsewhere.

    @Test(arguments: TestedEngine.all)
    func theDescriptorIsReadableAfterACompletionAndNotBefore(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            let (listener, client) = (try world.makeListener(), try world.makeConnection())
            #expect(engine.openReceiveBuffers() == 0)
            let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
            for round in 0..<5 {
                if round == 0 || !engine.features.acceptsMultishot {
                    engine.submit(.accept(listener: listener, mode), .of(.accept, 1))
                }
                engine.submit(.receive(descriptor: client.server, .oneShot), .of(.receive, round))
                #expect(try engine.turnUntilResting() == [])
                #expect(world.isReadable(descriptor, patiently: false) == false)
                #expect(engine.isPending == false)
                try world.connect(1, to: listener)
                #expect(world.isReadable(descriptor, patiently: true) == true)
                let accepted = try engine.take(1)
                #expect(try world.adopt(accepted.map(\.result)) == true)
                #expect(try engine.turnUntilResting() == [])
                #expect(world.isReadable(descriptor, patiently: false) == false)
                client.say([1])
                #expect(world.isReadable(descriptor, patiently: true) == true)
                let received = try engine.take(1)
                #expect(received.map(\.token) == [.of(.receive, round)])
                engine.returnBuffer(try #require(received[0].buffer))
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func theDescriptorIsReadableAfterAWriteToTheEvent(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            for _ in 0..<3 {
                #expect(try engine.turnUntilResting() == [])
                #expect(world.isReadable(descriptor, patiently: false) == false)
                event.signal()
                event.signal()
                #expect(world.isReadable(descriptor, patiently: true) == true)
                #expect(try engine.settle() == [])
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func theDescriptorIsReadableAtTheDeadlineAndNotBefore(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            // Later, the same, and earlier than the one before.
            #expect(try engine.turnUntilResting(until: engine.now + Self.eternity) == [])
            #expect(world.isReadable(descriptor, patiently: false) == false)
            for microseconds in [1_200, 3_000, 700] {
                let deadline = engine.now + .microseconds(microseconds)
                #expect(try engine.turnUntilResting(until: deadline) == [])
                #expect(engine.isPending || world.isReadable(descriptor, patiently: true))
                #expect(engine.now >= deadline)
            }
            // One that has passed when the host rests.
            try engine.poll()
            try engine.rest(until: engine.now)
            #expect(engine.isPending || world.isReadable(descriptor, patiently: true))
            #expect(try engine.turnUntilResting() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func anEarlierDeadlineReplacesALaterOne(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            for _ in 0..<5 {
                #expect(try engine.turnUntilResting(until: engine.now + Self.eternity) == [])
                #expect(world.isReadable(descriptor, patiently: false) == false)
                let deadline = engine.now + .milliseconds(1)
                #expect(try engine.turnUntilResting(until: deadline) == [])
                #expect(engine.isPending || world.isReadable(descriptor, patiently: true))
                #expect(engine.now >= deadline)
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func whatComesBetweenTheLastEnterAndTheRestIsNotLost(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor(blocks: false)
            let descriptor = try engine.openDescriptor(wokenBy: event.descriptor)
            let (listener, client) = (try world.makeListener(), try world.makeConnection())
            for round in 0..<20 {
                engine.submit(.accept(listener: listener, .oneShot), .of(.accept, round))
                engine.submit(.discardInput(descriptor: client.server), .of(.discardInput, round))
                #expect(try engine.turnUntilResting() == [])
                try engine.poll()
                // Nothing more comes after the rest.
                if round.isMultiple(of: 2) { try world.connect(1, to: listener) } else { client.say([1]) }
                try engine.rest(until: nil)
                #expect(engine.isPending || world.isReadable(descriptor, patiently: true))
                let first = try engine.take(1)
                #expect(first.map(\.token) == [.of(round.isMultiple(of: 2) ? .accept : .discardInput, round)])
                if round.isMultiple(of: 2) { #expect(try world.adopt(first.map(\.result)) == true) }
                // The other one ends too.
                if round.isMultiple(of: 2) { client.say([1]) } else { try world.connect(1, to: listener) }
                let second = try engine.take(1)
                #expect(second.count == 1)
                if !round.isMultiple(of: 2) { #expect(try world.adopt(second.map(\.result)) == true) }
            }
        }
    }
}
