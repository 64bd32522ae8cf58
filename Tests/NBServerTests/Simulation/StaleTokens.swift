import NBEngine

@testable import NBServer

/// Tokens that mean nobody any more: of a slot that has a new tenant, of a listener that was armed again.
struct StaleTokens {
    /// The token seen last, by kind and slot.
    private var present: [UInt64: Token] = [:]
    private(set) var ofAccepts: [Token] = []
    private(set) var ofConnections: [Token] = []

    /// A token has been submitted: of its kind and slot, the one before is stale.
    mutating func see(_ token: Token) {
        guard
            token.kind == TokenKind.accept.rawValue || token.kind == TokenKind.send.rawValue
                || token.kind == TokenKind.receive.rawValue || token.kind == TokenKind.discardInput.rawValue
        else { return }
        let place = UInt64(token.kind) << 32 | UInt64(token.slot)
        guard let before = present.updateValue(token, forKey: place), before != token else { return }
        if token.kind == TokenKind.accept.rawValue {
            ofAccepts.append(before)
        } else {
            ofConnections.append(before)
        }
    }
}
