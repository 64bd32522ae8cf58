import NBServer

/// A connection in a place that forgets to give it up in time.
final class HeldConnection {
    let connection: Connection

    init(_ connection: consuming Connection) {
        self.connection = connection
    }
}
