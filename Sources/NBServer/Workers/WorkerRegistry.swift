/// The tables of workers a server has, one for each type of worker it was ever given.
///
/// Part of the loop's state; loop's thread only.
struct WorkerRegistry: ~Copyable {
    // Unmanaged, so that a callback costs no retain; released at the end.
    private var tables: [Unmanaged<AnyWorkerTable>] = []
    /// The options that types of workers have, in the order of their tables.
    private var optionsOfTables: [UnsafePointer<WorkerOptions>] = []
    /// Whether workers of a table hear of their sends, in the order of the tables. Those of a type without ``ConnectionWorker/sent(_:)`` do until
    /// the default has been called once.
    private var hearingOfSends: [Bool] = []
    /// All options that connections were ever given; each stays where it is, since slots point there.
    private var optionValues: [WorkerOptions: UnsafePointer<WorkerOptions>] = [:]
    private var lastOptions: UnsafePointer<WorkerOptions>?
    /// How many different ones of connections a server keeps.
    static let mostOptionValues = 4096
    /// The types of workers, in the order of their tables. A server has a few. An array and not a dictionary: making a dictionary's type has
    /// the runtime look through the conformances of the whole program, which the first connection would wait for.
    private var types: [ObjectIdentifier] = []
    /// The type that was asked for last, which is mostly the one that is asked for next.
    private var last: (type: ObjectIdentifier, number: UInt16)?

    /// Errors that workers threw, until they have been told of their end; a slot may have another connection by then.
    var errors: [WorkerAddress: any Error] = [:]
    /// Why workers with such options get no connection: one is out of its range.
    private var refusals: [UnsafePointer<WorkerOptions>: ServerError] = [:]

    init() {}

    deinit {
        for table in tables { table.release() }
        for options in Set(optionsOfTables).union(optionValues.values) {
            let options = UnsafeMutablePointer(mutating: options)
            options.deinitialize(count: 1)
            options.deallocate()
        }
    }

    /// The number of a type's table, which is made if there is none; from 1.
    mutating func number<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> UInt16 {
        if let number = knownNumber(of: type) { return number }
        return add(WorkerTable<Worker>(), Worker.options, ObjectIdentifier(type), "\(Worker.self).options")
    }

    /// The number of a type's table, or `nil` if there is none: a question makes none.
    mutating func knownNumber<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> UInt16? {
        let type = ObjectIdentifier(type)
        if let last, last.type == type { return last.number }
        guard let index = types.firstIndex(of: type) else { return nil }
        let number = UInt16(index + 1)
        last = (type, number)
        return number
    }

    private mutating func add(
        _ table: AnyWorkerTable,
        _ options: WorkerOptions,
        _ type: ObjectIdentifier,
        _ name: @autoclosure () -> String
    ) -> UInt16 {
        precondition(tables.count < Int(UInt16.max), "a server has fewer types of workers than 65,535")
        tables.append(.passRetained(table))
        optionsOfTables.append(place(options, of: name()))
        types.append(type)
        hearingOfSends.append(true)
        return UInt16(tables.count)
    }

    /// Puts options where they stay. Their name is made for an error only, since the name of a type takes the runtime long to find.
    private mutating func place(
        _ options: WorkerOptions,
        of name: @autoclosure () -> String
    ) -> UnsafePointer<WorkerOptions> {
        let place = UnsafeMutablePointer<WorkerOptions>.allocate(capacity: 1)
        do throws(ServerError) {
            try options.expectValid(name())
            place.initialize(to: options)
        } catch {
            refusals[UnsafePointer(place)] = error
            place.initialize(to: WorkerOptions())
        }
        return UnsafePointer(place)
    }

    /// Where options of a connection's own are.
    mutating func place(_ options: WorkerOptions) throws(ServerError) -> UnsafePointer<WorkerOptions> {
        if let lastOptions, lastOptions.pointee == options { return lastOptions }
        let place = if let known = optionValues[options] { known } else { try add(options) }
        // In the place of options that are refused are others, which are not.
        if refusal(place) == nil { lastOptions = place }
        return place
    }

    private mutating func add(_ options: WorkerOptions) throws(ServerError) -> UnsafePointer<WorkerOptions> {
        try OptionRange.expect(
            "different WorkerOptions of a server",
            optionValues.count + 1,
            in: 0...Self.mostOptionValues
        )
        let place = place(options, of: "WorkerOptions")
        optionValues[options] = place
        return place
    }

    /// Why workers with such options get no connection, if they do not.
    func refusal(_ options: UnsafePointer<WorkerOptions>) -> ServerError? {
        refusals.isEmpty ? nil : refusals[options]
    }

    /// A table, by its number.
    func table(_ number: UInt16) -> Unmanaged<AnyWorkerTable> { tables[Int(number) - 1] }

    /// What the workers of a table want.
    func options(_ number: UInt16) -> UnsafePointer<WorkerOptions> { optionsOfTables[Int(number) - 1] }

    func hearsOfSends(_ number: UInt16) -> Bool { hearingOfSends[Int(number) - 1] }

    /// Workers of a table have nothing to do when everything is sent.
    mutating func noteDeafToSends(_ number: UInt16) { hearingOfSends[Int(number) - 1] = false }

    /// The memory of a table's workers.
    func pages(_ number: UInt16) -> UnsafeMutablePointer<WorkerPages> {
        tables[Int(number) - 1]._withUnsafeGuaranteedRef { $0.pages }
    }
}
