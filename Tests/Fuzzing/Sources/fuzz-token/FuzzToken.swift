internal import Fuzzing
internal import NBEngine

@testable internal import NBServer

/// What a completion is about: any sixty-four bits, before and after connections came and went.
///
/// A token finds the connection it was made for while that lives, and after that nothing; any other finds nothing, or
/// the slot it spells.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzToken(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var input = Input(bytes, count)
    var lives = ConnectionLives()
    while !input.isEmpty {
        switch input.byte() % 4 {
        case 0: for _ in 0...input.byte() % 64 { lives.begin() }
        case 1: lives.end(Int(input.byte()))
        case 2: lives.lookUp(Token(rawValue: input.integer(UInt64.self)))
        default: lives.lookUp(Token(.send, generation: UInt32(input.byte()), slot: input.integer(UInt32.self) % 2048))
        }
    }
    lives.endAll()
    return 0
}
