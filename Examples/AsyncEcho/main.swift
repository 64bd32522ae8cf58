// A server that sends everything back (RFC 862), as tasks: each connection is one, which reads and writes by `await`. A client that does not
// read keeps its own task waiting, and no other.

import ExampleProgram
import NBServer

let purpose = "  nc 127.0.0.1 7010             hear what you say"
await Program("async-echo", listening: "127.0.0.1:7010", purpose: purpose).run { arrivals in
    await withDiscardingTaskGroup { group in
        for await connection in arrivals {
            group.addTask {
                try? await connection.withBytes { inbound, outbound in
                    for try await bytes in inbound { try await outbound.send(bytes) }
                }
            }
        }
    }
}
