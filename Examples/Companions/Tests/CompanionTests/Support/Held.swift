@preconcurrency import Glibc

/// A client that can be in an array, and that a task waits for without keeping a thread from others. One task's at a time.
final class Held: @unchecked Sendable {
    private let client: Client

    init(_ client: consuming Client) { self.client = client }

    func send(_ text: String) { client.send(text) }

    /// See ``Client/read()``.
    func read() async throws -> [UInt8]? { try await onThread { try self.client.read() } }

    /// See ``Client/readToEnd()``.
    func readToEnd() async throws -> String? { try await onThread { try self.client.readToEnd() } }

    /// Has nothing more to say.
    func finish() { shutdown(client.descriptor, Int32(SHUT_WR)) }
}
