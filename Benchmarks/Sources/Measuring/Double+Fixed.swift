import Foundation

extension Double {
    package func fixed(_ digits: Int) -> String {
        String(format: "%.\(digits)f", self)
    }
}
