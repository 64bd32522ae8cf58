import GrantedLevels
import NBUring
import Testing

@testable import NBServer

/// Long answers.
@Suite struct LongSendTests {
    /// A send that has been waited for 128 times is given to a worker thread, which blocks in it.
    @Test(arguments: EngineChoice.granted)
    func aLongAnswerCostsNoWorkerThread(on engine: EngineChoice) async {
        await #expect(processExitsWith: .success) { [engine] in
            try await KernelScenario.run(on: engine) {
                // The socket takes some 100 KB at a time, hundreds of times.
                let bytes = [UInt8](repeating: 7, count: 24 << 20)
                let server = try RunningServer(
                    engine: engine,
                    closeTimeLimit: .seconds(60),
                    socketOptions: [.sendBuffer(64 << 10)]
                ) { connection, _ in connection.send(bytes) }
                let client = try Client(server.address)
                expect(try client.readBytesToEnd(chunk: 64 << 10) == bytes, "the answer arrives")
                // Workers stay for seconds when their work is done.
                expect(ProcessState().workerThreadCount, is: 0, "worker threads")
                try server.stop()
            }
        }
    }
}
