import NIOCore

/// Greets, and closes when it is told to: at once, at the client's first byte, or by a quiescing channel.
final class Greeter: ChannelInboundHandler {
    enum End: Sendable { case atOnce, atFirstByte, atQuiescing, never }

    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let end: End
    private let journal: Journal<String>?

    init(closing end: End, journal: Journal<String>? = nil) {
        self.end = end
        self.journal = journal
    }

    func channelActive(context: ChannelHandlerContext) {
        journal?.append("active")
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "hello\n")), promise: nil)
        if end == .atOnce { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if end == .atFirstByte { context.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ChannelShouldQuiesceEvent else { return context.fireUserInboundEventTriggered(event) }
        journal?.append("quiescing")
        if end == .atQuiescing { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        journal?.append("inactive")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// An initializer that gives each channel one of them.
    static func initializer(
        closing end: End = .atOnce,
        journal: Journal<String>? = nil
    ) -> @Sendable (any Channel) -> EventLoopFuture<Void> {
        { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(Greeter(closing: end, journal: journal))
            }
        }
    }
}
