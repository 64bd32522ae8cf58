import ArgumentParser

/// What is done with an accepted connection; the bytes are those of the other contenders.
enum Work: String, ExpressibleByArgument, Sendable {
    case none, banner, turnaround, limited, hold

    static let bannerText: StaticString = "No soup for you!\n"
    static let responseText: StaticString =
        "HTTP/1.0 200 OK\r\nContent-Length: 17\r\nConnection: close\r\n\r\nNo soup for you!\n"
    static let keptResponseText: StaticString = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nNo soup for you!\n"
    static let requestsOfAConnection = 10
}
