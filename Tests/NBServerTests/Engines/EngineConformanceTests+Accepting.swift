import Glibc
import NBEngine
import NBUring
import Testing

@testable import NBServer

// Accepting.
extension EngineConformanceTests {
    @Test(arguments: TestedEngine.all)
    func aOneShotAcceptTakesOne(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            // By turns the accept is there first, and the client.
            for round in 0..<4 {
                if round.isMultiple(of: 2) { try world.connect(2, to: listener) }
                engine.submit(.accept(listener: listener, .oneShot), .of(.accept, round))
                if !round.isMultiple(of: 2) {
                    let first = try engine.take(1)
                    #expect(first.map(\.isLast) == [true])
                    #expect(try world.adopt(first.map(\.result)) == true)
                } else {
                    let first = try engine.take(1)
                    #expect(first.map(\.isLast) == [true])
                    #expect(first.map(\.token) == [.of(.accept, round)])
                    #expect(try world.adopt(first.map(\.result)) == true)
                }
                #expect(try engine.settle() == [])
            }
            engine.submit(.accept(listener: listener, .oneShot), .of(.accept, 9))
            #expect(try engine.settle() == [])
            try world.connect(2, to: listener)
            #expect(try engine.take(1).count == 1)
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func anAcceptGoesOnWhereTheEngineSaysSo(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            let goesOn = engine.features.acceptsMultishot
            let mode: NBEngine.Operation.AcceptMode = goesOn ? .multishot : .oneShot
            engine.submit(.accept(listener: listener, mode), .of(.accept, 1))
            #expect(try engine.settle() == [])
            for _ in 0..<20 {
                try world.connect(1, to: listener)
                let completions = try engine.take(1)
                #expect(completions.map(\.token) == [.of(.accept, 1)])
                #expect(completions.map(\.isLast) == [!goesOn])
                #expect(try world.adopt(completions.map(\.result)) == true)
                if !goesOn { engine.submit(.accept(listener: listener, mode), .of(.accept, 1)) }
            }
            #expect(try engine.settle() == [])
        }
    }

    /// A last connection may come with the end: of each listener, one.
    @Test(arguments: TestedEngine.all)
    func anAcceptTakesAQuantumAtATimeAndLosesNobody(engine: TestedEngine) throws {
        try engine.check(.init(quantum: 8, submissionDepth: 8)) { engine, world in
            let listeners = try (0..<3).map { _ in try world.makeListener() }
            for listener in listeners { try world.connect(40, to: listener) }
            let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
            var isArmed = [false, false, false]
            var arms = 0
            var accepted: [[Int32]] = [[], [], []]
            while accepted.reduce(0, { $0 + $1.count }) < 120 {
                for index in 0..<3 where !isArmed[index] {
                    engine.submit(.accept(listener: listeners[index], mode), .of(.accept, index))
                    isArmed[index] = true
                    arms += 1
                }
                try engine.poll()
                let completions = engine.takeAll()
                try #require(!completions.isEmpty, "\(accepted.map(\.count)) of 40 each")
                // No more than the engine holds, but for the connection with which each accept may end.
                #expect(completions.count <= engine.features.quantum + 3)
                for completion in completions {
                    try #require(completion.result >= 0)
                    let index = Int(completion.token.slot)
                    try #require(isArmed[index], "a completion after the last")
                    accepted[index].append(completion.result)
                    if completion.isLast { isArmed[index] = false }
                }
            }
            #expect(accepted.map(\.count) == [40, 40, 40])
            #expect(arms > 3)
            #expect(try world.adopt(accepted.flatMap { $0 }) == true)
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func aCancelledAcceptLosesNobody(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
            var accepted: [Int32] = []
            for _ in 0..<20 {
                engine.submit(.accept(listener: listener, mode), .of(.accept, 1))
                try engine.poll()
                engine.submit(.cancel(.of(.accept, 1), descriptor: listener), .of(.cancel, 1), silently: true)
                try world.connect(1, to: listener)
                var completions: [Completion] = []
                repeat {
                    completions += try engine.take(1)
                } while !completions.contains {
                    $0.token == .of(.accept, 1) && $0.isLast
                }
                completions += try engine.settle()
                let ofAccept = completions.filter { $0.token == .of(.accept, 1) }
                #expect(ofAccept.filter(\.isLast).count == 1)
                #expect(ofAccept.last?.isLast == true)
                #expect(ofAccept.filter { $0.result < 0 && $0.result != -ECANCELED } == [])
                accepted += ofAccept.map(\.result).filter { $0 >= 0 }
                // No accept is armed now.
                try world.connect(1, to: listener)
                #expect(try engine.settle() == [])
            }
            // The others still wait.
            while accepted.count < 40 {
                accepted.append(try engine.result(of: .accept(listener: listener, .oneShot), .of(.accept, 2)))
            }
            #expect(try world.adopt(accepted) == true)
            engine.submit(.accept(listener: listener, .oneShot), .of(.accept, 3))
            #expect(try engine.settle() == [])
        }
    }

    @Test(arguments: TestedEngine.all)
    func anAcceptOfWhatIsNoListenerFails(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let event = try EventDescriptor()
            let client = try world.makeConnection()
            let modes: [NBEngine.Operation.AcceptMode] =
                engine.features.acceptsMultishot ? [.oneShot, .multishot] : [.oneShot]
            for mode in modes {
                #expect(
                    try engine.result(of: .accept(listener: event.descriptor, mode), .of(.accept, 1)) == -ENOTSOCK
                )
                #expect(try engine.result(of: .accept(listener: -1, mode), .of(.accept, 2)) == -EBADF)
                #expect(try engine.result(of: .accept(listener: client.server, mode), .of(.accept, 3)) == -EINVAL)
            }
        }
    }

    @Test(arguments: TestedEngine.all)
    func aListenerThatIsShutDownEndsItsAccept(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
            engine.submit(.accept(listener: listener, mode), .of(.accept, 1))
            #expect(try engine.settle() == [])
            world.shutDown(listener)
            #expect(try engine.take(1) == [Completion(token: .of(.accept, 1), result: -EINVAL)])
            #expect(try engine.result(of: .accept(listener: listener, mode), .of(.accept, 2)) == -EINVAL)
        }
    }

    @Test(arguments: TestedEngine.all(showing: .descriptorFlags))
    func whatIsAcceptedDoesNotBlockAndIsNotInherited(engine: TestedEngine) throws {
        try engine.check { engine, world in
            let listener = try world.makeListener()
            let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
            for mode in [.oneShot, mode] {
                try world.connect(1, to: listener)
                engine.submit(.accept(listener: listener, mode), .of(.accept, 1))
                let accepted = try engine.take(1).map(\.result)
                #expect(try world.adopt(accepted) == true)
                for descriptor in accepted {
                    #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK == O_NONBLOCK)
                    #expect(fcntl(descriptor, F_GETFD) == FD_CLOEXEC)
                }
            }
        }
    }

    /// In a process of its own, whose limit it lowers.
    @Test(arguments: TestedEngine.all)
    func withoutDescriptorsAnAcceptFailsAndNobodyIsLost(engine: TestedEngine) async {
        await #expect(processExitsWith: .success) { [engine] in
            try engine.check { engine, world in
                let listener = try world.makeListener()
                let mode: NBEngine.Operation.AcceptMode = engine.features.acceptsMultishot ? .multishot : .oneShot
                try world.connect(3, to: listener)
                world.setExhausted(true)
                for _ in 0..<3 {
                    #expect(try engine.result(of: .accept(listener: listener, mode), .of(.accept, 1)) == -EMFILE)
                }
                #expect(try engine.settle() == [])
                world.setExhausted(false)
                var accepted: [Int32] = []
                for _ in 0..<3 {
                    accepted.append(try engine.result(of: .accept(listener: listener, .oneShot), .of(.accept, 1)))
                }
                #expect(accepted.filter { $0 < 0 } == [])
                #expect(try world.adopt(accepted) == true)
            }
        }
    }
}
