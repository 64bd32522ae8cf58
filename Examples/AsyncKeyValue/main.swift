// A store of keys and values, as tasks: each client is one, which reads lines and answers them in their order. The store is an actor.

import ExampleProgram
import NBServer

let store = Store()
let byLines = WorkerOptions(framing: .line, frameLimit: 10_000)
let purpose = "  nc 127.0.0.1 7011             set, get and delete"
await Program("async-key-value", listening: "127.0.0.1:7011", purpose: purpose).run { arrivals in
    await withDiscardingTaskGroup { group in
        for await client in arrivals {
            group.addTask {
                try? await client.withBytes(options: byLines) { lines, answers in
                    for try await line in lines {
                        try await answers.send(await store.answer(String(decoding: line, as: UTF8.self)) + "\n")
                    }
                }
            }
        }
    }
}
