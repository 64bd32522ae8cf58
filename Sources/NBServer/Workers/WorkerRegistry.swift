/// The tables of workers a server has, one for each type of worker it was ever given.
///
/// Part of the loop's state; loop's thread only.
struct WorkerRegistry: ~Copyable {
    // Unmanaged, so that a callback costs no retain; released at the end.
    private var tables: [Unmanaged<AnyWorkerTable>] = []
    private var optionsOfTables: [UnsafeMutablePointer<WorkerOptions>] = []
    private var numbers: [ObjectIdentifier: UInt16] = [:]
    /// The type that was asked for last, which is mostly the one that is asked for next.
    private var last: (type: ObjectIdentifier, number: UInt16)?

    /// Errors that workers threw, until they have been told of their end; a slot may have another connection by then.
    var errors: [WorkerAddress: any Error] = [:]
    /// Why the workers of a table get no connection: an option of theirs is out of its range.
    private var refusals: [UInt16: ServerError] = [:]

    init() {}

    deinit {
        for table in tables { table.release() }
        for options in optionsOfTables {
            options.deinitialize(count: 1)
            options.deallocate()
        }
    }

    /// The number of a type's table, which is made if there is none; from 1.
    mutating func number<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> UInt16 {
        if let number = knownNumber(of: type) { return number }
        return add(WorkerTable<Worker>(), Worker.options, ObjectIdentifier(type), "\(Worker.self)")
    }

    /// The number of a type's table, or `nil` if there is none: a question makes none.
    mutating func knownNumber<Worker: ConnectionWorker & ~Copyable>(of type: Worker.Type) -> UInt16? {
        let type = ObjectIdentifier(type)
        if let last, last.type == type { return last.number }
        guard let number = numbers[type] else { return nil }
        last = (type, number)
        return number
    }

    private mutating func add(
        _ table: AnyWorkerTable,
        _ options: WorkerOptions,
        _ type: ObjectIdentifier,
        _ name: String
    ) -> UInt16 {
        precondition(tables.count < Int(UInt16.max), "a server has fewer types of workers than 65,535")
        tables.append(.passRetained(table))
        let number = UInt16(tables.count)
        var options = options
        do throws(ServerError) {
            try options.expectValid(of: name)
        } catch {
            refusals[number] = error
            options = WorkerOptions()
        }
        let pointer = UnsafeMutablePointer<WorkerOptions>.allocate(capacity: 1)
        pointer.initialize(to: options)
        optionsOfTables.append(pointer)
        numbers[type] = number
        return number
    }

    /// Why the workers of a table get no connection, if they do not.
    func refusal(_ number: UInt16) -> ServerError? { refusals.isEmpty ? nil : refusals[number] }

    /// A table, by its number.
    func table(_ number: UInt16) -> Unmanaged<AnyWorkerTable> { tables[Int(number) - 1] }

    /// What the workers of a table want.
    func options(_ number: UInt16) -> UnsafePointer<WorkerOptions> { UnsafePointer(optionsOfTables[Int(number) - 1]) }

    /// The memory of a table's workers.
    func pages(_ number: UInt16) -> UnsafeMutablePointer<WorkerPages> {
        tables[Int(number) - 1]._withUnsafeGuaranteedRef { $0.pages }
    }
}
