// The suite that holds all others: one after the other, since each counts, loads the machine, or both.

import Testing

@Suite("soup, from outside", .serialized)
struct SoupTests {}
