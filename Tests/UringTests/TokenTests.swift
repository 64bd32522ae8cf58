// Token: what is packed comes out again, at every edge, and what is reserved is refused.

import NBEngine
import Testing

struct TokenTests {
    @Test(arguments: [0, 1, 127, 254] as [UInt8], [0, 1, 0xff_fffe, 0xff_ffff] as [UInt32])
    func whatIsPackedComesOutAgain(kind: UInt8, generation: UInt32) {
        for slot in [0, 1, 0x8000_0000, UInt32.max] {
            let token = Token(kind: kind, generation: generation, slot: slot)
            #expect(token.kind == kind)
            #expect(token.generation == generation)
            #expect(token.slot == slot)
            #expect(Token(rawValue: token.rawValue) == token)
        }
    }

    @Test func eachFieldHasItsOwnBits() {
        #expect(Token(kind: 254, slot: 0).rawValue == 0xfe00_0000_0000_0000)
        #expect(Token(kind: 0, generation: Token.generationMask, slot: 0).rawValue == 0x00ff_ffff_0000_0000)
        #expect(Token(kind: 0, slot: .max).rawValue == 0x0000_0000_ffff_ffff)
    }

    @Test func aGenerationWrapsAroundToZeroAndLeavesTheKindAlone() {
        let wrapped = Token(kind: 3, generation: Token.generationMask + 1, slot: 9)
        #expect(wrapped == Token(kind: 3, generation: 0, slot: 9))
        #expect(Token(kind: 3, generation: .max, slot: 9).kind == 3)
        #expect(Token(kind: 3, generation: .max, slot: 9).generation == Token.generationMask)
    }

    @Test func theReservedKindTraps() async {
        await #expect(processExitsWith: .failure) {
            _ = Token(kind: 255, slot: 0)
        }
    }
}
