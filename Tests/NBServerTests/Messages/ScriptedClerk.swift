import NBEngine
import Testing

@testable import NBServer

/// A clerk on a fake kernel, whose time stands still unless a test lets it pass.
final class ScriptedClerk {
    let control = LoopControl()
    let mailbox: Mailbox
    let socket: ListenSocket
    var options = ServerOptions()
    var features = EngineFeatures(.ring, kernel: [5, 11], quantum: 256)
    var observer: (any ServerObserver)?
    /// What the clerk was when it terminated.
    let end = Record<Clerk>()

    init() throws {
        mailbox = Mailbox(control)
        socket = try ListenSocket("127.0.0.1:0", options: [])
        try control.doorbell.open()
        features.acceptsMultishot = true
    }

    /// Runs the loop through a script, then stops it; returns what the clerk was in the end.
    @discardableResult
    func run(_ clerk: Clerk, script: [FakeKernel.Step]) throws -> Clerk {
        let control = control
        let kernel = FakeKernel(script) { control.requestStop() }
        var clerk = clerk
        let onEnd = clerk.onEnd
        clerk.onEnd = { [end] clerk, _, _ in
            // Without this closure, which would keep the record, and the record it.
            var last = clerk
            last.onEnd = onEnd
            end.append(last)
        }
        var loop = Loop(
            engine: ScriptedEngine(kernel: kernel, features: features),
            calls: ScriptedCalls(kernel: kernel),
            sockets: [socket],
            behavior: TypedBehaviorBox(clerk, mailbox),
            control: control,
            options: options,
            observer: observer
        )
        _ = try ThreadHost.run(&loop)
        if let failure = kernel.failure { throw failure }
        return try #require(end.entries.first)
    }
}
