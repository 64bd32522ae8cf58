@testable import NBServer

// What a receiver of a detached connection does in tests.
extension Result<DetachedConnection, ServerError> {
    /// Why there is no connection.
    var failure: ServerError? {
        if case .failure(let error) = self { error } else { nil }
    }

    /// Takes the descriptor, if there is one.
    func takeDescriptors() -> [Int32] {
        guard case .success(let connection) = self, let (descriptor, _) = connection.take() else { return [] }
        return [descriptor]
    }
}
