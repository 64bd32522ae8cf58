internal import Fuzzing

/// The connection's state machine: bytes are a history, every step of which the loop and the kernel could take.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzConnection(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = Input(bytes, count)
    var model = ConnectionModel()
    while !input.isEmpty {
        let event = ConnectionEvent(&input)
        Trace.write("\(event)")
        model.take(event)
        Trace.write(" → \(model)\n")
    }
    model.finish()
    return 0
}
