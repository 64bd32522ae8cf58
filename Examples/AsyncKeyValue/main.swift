// A store of keys and values, as tasks: each client is one, which reads lines and answers them in their order. The store is an actor.

import ExampleProgram
import NBServer

actor Store {
    private var values: [String: String] = [:]

    func answer(_ line: String) -> String {
        let words = line.split(separator: " ", maxSplits: 2).map(String.init)
        switch (words.first, words.count) {
        case ("get", 2): return values[words[1]].map { "= \($0)" } ?? "nothing"
        case ("set", 3): values[words[1]] = words[2]
        case ("delete", 2): values[words[1]] = nil
        default: return "get KEY, set KEY VALUE or delete KEY"
        }
        return "ok"
    }
}

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
