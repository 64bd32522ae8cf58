import Foundation
import LoopbackClient
import Measuring

/// The folder a comparison leaves behind: `results/DATE-HOST/`.
struct ResultFolder {
    let path: String

    /// Makes a folder that was not there before.
    init(in parent: String, host: String) throws {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyy-MM-dd"
        let name = "\(format.string(from: Date()))-\(host)"
        var candidate = "\(parent)/\(name)"
        var number = 2
        while FileManager.default.fileExists(atPath: candidate) {
            candidate = "\(parent)/\(name)-\(number)"
            number += 1
        }
        path = candidate
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw Failure("\(path): \(error.localizedDescription)")
        }
    }

    /// Says before anything is measured if no folder can be made there.
    static func prepare(_ parent: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw Failure("\(parent): \(error.localizedDescription); --results says where the results are to go")
        }
        guard access(parent, W_OK) == 0 else { throw Failure(call: "\(parent), for the results") }
    }

    func write(_ text: String, to name: String) throws {
        do {
            try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        } catch {
            throw Failure("\(path)/\(name): \(error.localizedDescription)")
        }
    }
}
