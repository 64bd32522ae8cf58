internal import NBLibc

/// The text of each thread's last error, for `nb_last_error`. Any thread, each its own.
enum LastError {
    /// The key of a text that malloc(3) has made; a thread that ends frees its own.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key) { free($0) }
        return key
    }()

    /// Keeps a text until the thread's next error.
    static func set(_ text: String) {
        free(pthread_getspecific(key))
        pthread_setspecific(key, strdup(text))
    }

    /// The calling thread's, empty if it has had none.
    static var text: UnsafePointer<CChar> {
        guard let text = pthread_getspecific(key) else { return ("" as StaticString).cString }
        return UnsafePointer(text.assumingMemoryBound(to: CChar.self))
    }
}

extension StaticString {
    /// The text for C. It ends with a zero byte, as every static string does that is not a single scalar.
    var cString: UnsafePointer<CChar> {
        UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
