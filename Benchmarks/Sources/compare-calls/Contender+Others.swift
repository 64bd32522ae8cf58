import Dispatch
import Foundation
import Measuring

// What it is compared with.
extension Contender {
    /// The least that asking another thread can cost: it waits for a bell and rings one, and so does whoever asks it. All of
    /// that is the kernel's.
    static func changeOfThreads() throws -> Contender {
        let (question, answer) = (try Bell(), try Bell())
        Thread.detachNewThread {
            while true {
                question.wait()
                answer.ring()
            }
        }
        return Contender(name: "change of threads") { times in
            for _ in 0..<times {
                question.ring()
                answer.wait()
            }
        }
    }

    /// A task calls an actor that nobody else calls: it runs on the task's own thread.
    static func actor() -> Contender {
        let actor = CountingActor()
        return Contender(name: "actor") { times in
            try inTask { for _ in 0..<times { _ = await actor.next() } }
        }
    }

    /// A thread runs something on a queue that is idle: it does so itself.
    static func queueSync() -> Contender {
        let queue = DispatchQueue(label: "sync")
        let counter = PlainCounter()
        return Contender(name: "DispatchQueue.sync") { times in
            for _ in 0..<times { _ = queue.sync { counter.next() } }
        }
    }

    /// A thread has something run on one of the queue's threads, and waits for it.
    static func queueAsync() -> Contender {
        let queue = DispatchQueue(label: "async")
        let counter = PlainCounter()
        let isDone = DispatchSemaphore(value: 0)
        return Contender(name: "DispatchQueue.async, semaphore") { times in
            for _ in 0..<times {
                queue.async {
                    counter.next()
                    isDone.signal()
                }
                isDone.wait()
            }
        }
    }
}
