import Foundation

extension Double {
    func fixed(_ digits: Int) -> String {
        String(format: "%.\(digits)f", self)
    }
}
