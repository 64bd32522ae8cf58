// A chat room, to show workers that send each other messages: what one guest says, all the others hear. A guest who does not read is
// not waited for: more than a megabyte ends that connection.

import ExampleProgram
import NBServer

struct Guest: ConnectionWorker {
    static let options = WorkerOptions(framing: .line, frameLimit: 1000, sendQueueLimit: 1 << 20)

    func connected(_ connection: borrowing WorkerConnection<Self>) {
        connection.send("Welcome! You are \(connection.id). Say something.\n")
        tell("is here", connection)
    }

    func received(_ line: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
        tell("says: " + text(of: line), connection)
    }

    func handleMessage(_ text: String, on connection: borrowing WorkerConnection<Self>) { connection.send(text) }

    func closed(_ reason: CloseReason, on connection: borrowing WorkerConnection<Self>) { tell("has left", connection) }

    private func tell(_ text: String, _ connection: borrowing WorkerConnection<Self>) {
        for guest in connection.context.workers(of: Guest.self) where guest != connection.worker {
            // One that is about to leave does not hear it.
            try? guest.send("\(connection.id) \(text)\n")
        }
    }
}

Program("chat", listening: "127.0.0.1:7008", purpose: "  nc 127.0.0.1 7008             talk to the others").run {
    try Server(listening: $0, observer: $1) { _ in Guest() }
}
