/// An actor that counts how often it is called.
actor CountingActor {
    private var count = 0

    func next() -> Int {
        count += 1
        return count
    }
}
