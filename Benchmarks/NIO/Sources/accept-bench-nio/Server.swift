import NIOCore

/// What happens on a connection. One for each; its event loop only.
final class Server: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let work: Work
    private var answered = 0

    init(_ work: Work) {
        self.work = work
    }

    func channelActive(context: ChannelHandlerContext) {
        switch work {
        case .none: context.close(promise: nil)
        case .banner:
            send(Work.bannerText, context)
            context.close(promise: nil)
        case .turnaround, .limited: break
        case .hold: send(Work.bannerText, context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch work {
        case .none, .banner, .hold: return
        case .turnaround: send(Work.responseText, context)
        case .limited:
            send(Work.keptResponseText, context)
            answered += 1
            guard answered == Work.requestsOfAConnection else { return }
        }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func send(_ text: StaticString, _ context: ChannelHandlerContext) {
        var buffer = context.channel.allocator.buffer(capacity: text.utf8CodeUnitCount)
        buffer.writeStaticString(text)
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }
}
