// A store of keys and values, to show answers that are awaited: of an actor, which any task may ask. They keep their questions' order.

import ExampleProgram
import NBServer

struct Client: ConnectionWorker {
    static let options = WorkerOptions(framing: .line, frameLimit: 10_000)
    let store: Store

    func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        connection.run { [store, line = text(of: line)] in await store.answer(line) }
    }
    func handleMessage(_ answer: String, on connection: borrowing WorkerConnection<Self>) {
        connection.send(answer + "\n")
    }
}

let store = Store()
Program("key-value", listening: "127.0.0.1:7009", purpose: "  nc 127.0.0.1 7009             set, get and delete").run {
    try Server(listening: $0, observer: $1) { _ in Client(store: store) }
}
