import Glibc
import Testing

@testable import NBServer
@testable import Uring

/// Long answers, on the real kernel.
@Suite(.serialized) struct LongSendTests {
    /// A send that has been waited for 128 times is given to a worker thread, which blocks in it. In a process of its own,
    /// since the threads are the process's.
    @Test func aLongAnswerCostsNoWorkerThread() async throws {
        await #expect(processExitsWith: .success) {
            func workerCount() throws -> Int {
                guard let directory = opendir("/proc/self/task") else { exit(2) }
                defer { closedir(directory) }
                var count = 0
                while let entry = readdir(directory) {
                    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                    }
                    guard let file = fopen("/proc/self/task/\(name)/comm", "r") else { continue }
                    defer { fclose(file) }
                    var bytes = [CChar](repeating: 0, count: 64)
                    guard fgets(&bytes, 64, file) != nil else { continue }
                    if strncmp(bytes, "iou-wrk", 7) == 0 { count += 1 }
                }
                return count
            }
            // The socket takes some 100 KB at a time, hundreds of times.
            let bytes = [UInt8](repeating: 7, count: 64 << 20)
            let server = try RunningServer(rung: .deferred, socketOptions: [.sendBuffer(64 << 10)]) { connection, _ in
                connection.send(bytes)
            }
            let client = try Client(server.address)
            guard try client.readBytesToEnd(chunk: 64 << 10) == bytes else { exit(3) }
            // Workers stay for seconds when their work is done.
            guard try workerCount() == 0 else { exit(4) }
            try server.stop()
            exit(EXIT_SUCCESS)
        }
    }
}
