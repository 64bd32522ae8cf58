// What channels answer, for SwiftNIO's HTTP codec.

public import NIOCore
public import NIOHTTP1

/// Answers every request, whatever it asks for. One for each channel; its loop only.
public final class SoupHandler: ChannelInboundHandler {
    /// Requests, in parts.
    public typealias InboundIn = HTTPServerRequestPart
    /// Responses, in parts.
    public typealias OutboundOut = HTTPServerResponsePart

    private var version = HTTPVersion.http1_1
    private var staysOpen = true

    /// One of many.
    public init() {}

    /// Answers when a request is complete.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): (version, staysOpen) = (head.version, head.isKeepAlive)
        case .body: break
        case .end:
            let text = ByteBuffer(string: "No soup for you!\n")
            var response = HTTPResponseHead(version: version, status: .ok)
            response.headers.add(name: "Content-Length", value: "\(text.readableBytes)")
            if !staysOpen { response.headers.add(name: "Connection", value: "close") }
            context.write(wrapOutboundOut(.head(response)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(text))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            if !staysOpen { context.close(promise: nil) }
        }
    }

    /// Ends the connection.
    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
