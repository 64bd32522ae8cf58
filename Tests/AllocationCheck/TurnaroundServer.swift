import NBServer

/// Its workers send back what they receive first, and close.
struct TurnaroundServer: MeteredBehavior {
    private let place: MeterPlace

    init(meter: Meter) {
        place = MeterPlace(meter)
    }

    var meter: Meter {
        get { place.meter }
        nonmutating set { place.meter = newValue }
    }

    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Answer {
        Answer(place: place)
    }

    struct Answer: ConnectionWorker {
        let place: MeterPlace

        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
            place.meter.noteDelivery()
            connection.send(bytes)
            connection.close()
        }
    }
}
