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

    @Test(arguments: [(6, 1.0, 6.0), (8, 1, 8), (9, 2, 8), (17, 5, 13), (50, 18, 33)])
    func theMedianLiesBetweenElementsWithNinetyFivePercent(count: Int, lower: Double, upper: Double) {
        // As tables of the sign test have it.
        let figures = (1...count).map(Double.init).reversed()
        #expect([Double](figures).medianInterval == lower...upper)
    }

    @Test func ofFewerThanSixWhereTheMedianLiesIsNotKnown() {
        #expect([1.0, 2, 3, 4, 5].medianInterval == nil)
        #expect([Double]().medianInterval == nil)
        #expect([Double](repeating: 1, count: 1000).medianInterval == 1...1)
    }

    @Test func oneIsEveryQuantileAndNoneIsNone() {
        #expect([7.0].quantile(0.25) == 7)
        #expect([7.0].median == 7)
        #expect([].median.isNaN)
    }
}
