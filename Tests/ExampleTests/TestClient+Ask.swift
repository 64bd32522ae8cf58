import NBServerTesting

extension TestClient {
    /// Sends a line, and reads everything that comes back.
    func ask(_ line: String) -> String {
        send(line + "\n")
        return receiveText()
    }
}
