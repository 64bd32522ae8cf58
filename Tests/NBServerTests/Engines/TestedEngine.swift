import GrantedLevels
import NBEngine
import NBUring
import Testing

@testable import NBServer

/// The engines that keep the contract, by name: the arguments of `EngineConformanceTests`.
enum TestedEngine: Codable, Hashable, CustomTestStringConvertible {
    case ring(KernelLevel)
    case epoll
    case simulated

    static let all = KernelLevel.granted.map { TestedEngine.ring($0) } + [.epoll, .simulated]

    var testDescription: String {
        switch self {
        case .ring(let level): "ring, \(level)"
        case .epoll: "epoll"
        case .simulated: "simulated kernel"
        }
    }

    /// Whether operations are carried out when they are submitted, and not by the next enter.
    var carriesOutAtOnce: Bool { self == .epoll }

    /// What not every engine can be made to show.
    enum Exception {
        /// The simulated kernel's descriptors have no flags.
        case descriptorFlags
        /// Nothing makes a kernel short of memory for a submission. `SoupTests` inject that into a ring's system calls.
        case shortageOfMemory
        /// The simulated kernel complains of a close that the kernel would refuse: no server may ask for one.
        case refusedClose
    }

    /// The engines that show it.
    static func all(showing exception: Exception) -> [TestedEngine] {
        switch exception {
        case .descriptorFlags, .refusedClose: all.filter { $0 != .simulated }
        case .shortageOfMemory: [.simulated]
        }
    }

    /// How an engine is to be made.
    struct Shape {
        var quantum = 64
        var submissionDepth = 64
        var bufferCount = 4
        var bufferSize = 4096
    }

    /// Makes an engine and its world, and checks that the world has nothing to complain of.
    func check(
        _ shape: Shape = Shape(),
        sourceLocation: SourceLocation = #_sourceLocation,
        _ body: (DrivenEngine, any ConformanceWorld) throws -> Void
    ) throws {
        let (engine, world) = try make(shape)
        try body(engine, world)
        #expect(engine.currentFeatures == engine.features, sourceLocation: sourceLocation)
        #expect(world.complaints == [], sourceLocation: sourceLocation)
    }

    private func make(_ shape: Shape) throws -> (DrivenEngine, any ConformanceWorld) {
        switch self {
        case .ring(let level):
            let options = RingOptions(
                submissionDepth: shape.submissionDepth,
                completionDepth: shape.quantum,
                highestLevel: level
            )
            let engine = try RingEngine(
                options,
                receiveBufferCount: shape.bufferCount,
                receiveBufferSize: shape.bufferSize
            )
            return (DrivenEngine(engine), KernelWorld())
        case .epoll:
            let engine = try EpollEngine(
                quantum: shape.quantum,
                receiveBufferCount: shape.bufferCount,
                receiveBufferSize: shape.bufferSize
            )
            return (DrivenEngine(engine), KernelWorld())
        case .simulated:
            let kernel = SimulatedKernel(
                quantum: shape.quantum,
                submissionDepth: shape.submissionDepth,
                SimulatedBuffers(count: shape.bufferCount, size: shape.bufferSize)
            )
            let engine = SimulatedEngine(kernel: kernel, features: kernel.features, onWait: { _ in }, onWake: {})
            return (DrivenEngine(engine), SimulatedWorld(kernel))
        }
    }
}
