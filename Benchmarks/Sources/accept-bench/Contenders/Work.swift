import ArgumentParser

/// What a contender does with an accepted connection. The bytes are the same for all of them.
enum Work: String, Codable, CaseIterable, ExpressibleByArgument, Sendable {
    /// Closes it.
    case none
    /// Sends the banner, then closes it.
    case banner
    /// Receives a request, sends the response, then closes it.
    case turnaround
    /// Receives ten requests, one after the other, sends a response to each, then closes it.
    case limited
    /// Sends the banner, and closes it when the client does.
    case hold

    static let bannerText = "No soup for you!\n"
    /// An HTTP request, so that servers of HTTP can be measured too; the contenders take whatever comes for one.
    static let requestText = "GET / HTTP/1.0\r\n\r\n"
    static let responseText = "HTTP/1.0 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\n" + bannerText

    static let keptRequestText = "GET / HTTP/1.1\r\nHost: soup\r\n\r\n"
    static let keptResponseText = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + bannerText
    static let requestsOfAConnection = 10

    var request: [UInt8] {
        switch self {
        case .turnaround: Array(Self.requestText.utf8)
        case .limited: Array(Self.keptRequestText.utf8)
        case .none, .banner, .hold: []
        }
    }

    /// How many requests a connection has.
    var exchanges: Int { self == .limited ? Self.requestsOfAConnection : 1 }

    /// What the client is to get, to the byte.
    var answer: LoadStream.Answer {
        switch self {
        case .none: .nothing
        case .banner, .hold: .exactly(Array(Self.bannerText.utf8))
        case .turnaround: .exactly(Array(Self.responseText.utf8))
        case .limited: .exactly(Array(String(repeating: Self.keptResponseText, count: exchanges).utf8))
        }
    }
}
