// What a sanitizer this was built with does on its own account.

@preconcurrency import Glibc

enum Sanitizer {
    /// The address sanitizer keeps the memory of a thread out of core dumps, and gives it back, with a `madvise` each.
    static let adviceCount = dlsym(nil, "__asan_init") == nil ? 0 : 2
}
