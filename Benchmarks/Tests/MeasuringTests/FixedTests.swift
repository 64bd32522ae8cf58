// Numbers with a fixed number of digits, as tables show them.

import Measuring
import Testing

struct FixedTests {
    @Test func digitsAreRoundedAndFilledUp() {
        #expect(12.345.fixed(2) == "12.35")
        #expect(2.0.fixed(3) == "2.000")
        #expect(0.5.fixed(0) == "0")
        #expect((-1.25).fixed(1) == "-1.2")
    }

    @Test func theGreatestNumberFits() {
        let text = (-Double.greatestFiniteMagnitude).fixed(2)
        #expect(text.hasPrefix("-179769313486231570"))
        #expect(text.hasSuffix("368.00"))
        #expect(text.count == 313)
    }

    @Test func whatIsNoFiniteNumberIsADash() {
        #expect(Double.nan.fixed(2) == "–")
        #expect(Double.infinity.fixed(0) == "–")
    }
}
