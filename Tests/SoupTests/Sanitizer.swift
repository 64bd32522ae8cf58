// What a sanitizer this was built with does on its own account.

@preconcurrency import Glibc

enum Sanitizer {
    /// The address sanitizer gives a thread's shadow back with one `madvise`.
    static let adviceCount = dlsym(nil, "__asan_init") == nil ? 0 : 1
}
