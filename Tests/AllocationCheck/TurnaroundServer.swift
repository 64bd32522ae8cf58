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

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Answer {
        Answer(place: place)
    }

    struct Answer: ConnectionWorker {
        let place: MeterPlace

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            place.meter.noteDelivery()
            connection.send(bytes)
            connection.close()
        }
    }
}
