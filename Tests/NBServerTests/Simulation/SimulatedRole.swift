@testable import NBServer

/// The two types of workers a simulated server has. Their options are the history's, which plays in one task.
protocol SimulatedRole: SendableMetatype {
    static var number: Int { get }
}

enum FirstRole: SimulatedRole {
    static var number: Int { 0 }
}

enum SecondRole: SimulatedRole {
    static var number: Int { 1 }
}

enum SimulatedRoles {
    /// What the workers of each role want, in the history that this task plays.
    @TaskLocal static var options: [WorkerOptions] = []

    static func draw(_ random: inout Randomness) -> [WorkerOptions] {
        (0..<2).map { _ in drawOne(&random) }
    }

    static func drawMode(_ random: inout Randomness) -> WorkerOptions.ReceiveMode {
        switch random.below(5) {
        case 0, 1: .once
        case 2: .continuous
        case 3: .count(random.below(4))
        default: .manual
        }
    }

    static func drawFraming(_ random: inout Randomness) -> WorkerOptions.Framing {
        switch random.below(5) {
        case 0: .raw
        case 1: .line
        default: .lengthHeader(random.element(of: [.oneByte, .twoBytes, .fourBytes]) ?? .oneByte)
        }
    }

    private static func drawOne(_ random: inout Randomness) -> WorkerOptions {
        let sendLowWater = random.chance(400) ? 0 : random.below(30)
        let sendHighWater = sendLowWater + random.below(random.chance(500) ? 50 : 3000)
        return WorkerOptions(
            receiving: drawMode(&random),
            framing: drawFraming(&random),
            frameLimit: random.chance(300) ? 1 + random.below(14) : 400,
            deliversUnterminatedLine: random.chance(700),
            idleTimeLimit: drawLimit(&random),
            receiveTimeLimit: drawLimit(&random),
            sendTimeLimit: drawLimit(&random),
            sendHighWater: sendHighWater,
            sendLowWater: sendLowWater,
            sendQueueLimit: sendHighWater + random.below(random.chance(200) ? 40 : 5000),
            runLimit: random.chance(700) ? 1 : 1 + random.below(3)
        )
    }

    private static func drawLimit(_ random: inout Randomness) -> Duration? {
        guard random.chance(200) else { return nil }
        return random.chance(50) ? .nanoseconds(1) : random.element(of: [.milliseconds(1), .seconds(1), .seconds(30)])
    }
}
