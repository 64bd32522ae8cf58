// Everything back to its sender, with a task and a NIOAsyncChannel for each connection, behind nb-server.
//
//   swift run nio-echo, and then: nc 127.0.0.1 7007

import CompanionProgram
import NBServerNIO
import NIOCore
import NIOPosix

let acceptor = try NIOAsyncAcceptor(
    group: MultiThreadedEventLoopGroup.singleton,
    listeningOn: listeningAddress(port: 7007),
    maximumOpen: 1000
) { channel in
    channel.eventLoop.makeCompletedFuture {
        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
    }
}
announce("listening", acceptor.addresses)
try await acceptor.run { channel in
    try? await channel.executeThenClose { inbound, outbound in
        for try await bytes in inbound { try await outbound.write(bytes) }
    }
}
