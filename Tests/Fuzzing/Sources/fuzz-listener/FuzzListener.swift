internal import Fuzzing

/// The listener's state machine: bytes are a history, every step of which the loop and the kernel could take.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzListener(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = Input(bytes, count)
    var model = ListenerModel()
    while !input.isEmpty {
        let event = ListenerEvent(&input)
        Trace.write("\(event)")
        model.take(event)
        Trace.write(" → \(model)\n")
    }
    model.finish()
    return 0
}
