// Addresses are coded as their texts, which is what a configuration file holds.

extension IPAddress: Codable {
    /// Reads the address from its text. A text that is no address is a `DecodingError` that says why.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value { text throws(ServerError) in try IPAddress(text) }
    }

    /// Writes the address as its text.
    public func encode(to encoder: any Encoder) throws {
        try encoder.write(description)
    }
}

extension AddressPrefix: Codable {
    /// Reads the prefix from its text. A text that is no prefix is a `DecodingError` that says why.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value { text throws(ServerError) in try AddressPrefix(text) }
    }

    /// Writes the prefix as its text.
    public func encode(to encoder: any Encoder) throws {
        try encoder.write(description)
    }
}

extension SocketAddress: Codable {
    /// Reads the address from its text. A text that is no address is a `DecodingError` that says why.
    public init(from decoder: any Decoder) throws {
        self = try decoder.value { text throws(ServerError) in try SocketAddress(text) }
    }

    /// Writes the address as its text.
    public func encode(to encoder: any Encoder) throws {
        try encoder.write(description)
    }
}

extension Decoder {
    fileprivate func value<Value>(of text: (String) throws(ServerError) -> Value) throws -> Value {
        let container = try singleValueContainer()
        let written = try container.decode(String.self)
        do throws(ServerError) {
            return try text(written)
        } catch {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
        }
    }
}

extension Encoder {
    fileprivate func write(_ text: String) throws {
        var container = singleValueContainer()
        try container.encode(text)
    }
}
