// Quantiles of a few figures: on the straight line between two of them.

import Measuring
import Testing

struct QuantileTests {
    @Test func ofFiveTheQuartilesAreTheSecondAndTheFourth() {
        let figures = [50.0, 10, 40, 20, 30]
        #expect(figures.quantile(0) == 10)
        #expect(figures.quantile(0.25) == 20)
        #expect(figures.median == 30)
        #expect(figures.quantile(0.75) == 40)
        #expect(figures.quantile(1) == 50)
    }

    @Test func betweenTwoItIsOnTheLine() {
        #expect([4.0, 1].median == 2.5)
        #expect([4.0, 1].quantile(0.25) == 1.75)
        #expect([1.0, 2, 4, 8].median == 3)
    }

    @Test func oneIsEveryQuantileAndNoneIsNone() {
        #expect([7.0].quantile(0.25) == 7)
        #expect([7.0].median == 7)
        #expect([].median.isNaN)
    }
}
