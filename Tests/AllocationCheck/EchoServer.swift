import NBServer

/// Its workers send back what they receive, one delivery at a time or all there are.
struct EchoServer: MeteredBehavior {
    private let place: MeterPlace
    private let isContinuous: Bool

    init(meter: Meter, isContinuous: Bool) {
        place = MeterPlace(meter)
        self.isContinuous = isContinuous
    }

    var meter: Meter {
        get { place.meter }
        nonmutating set { place.meter = newValue }
    }

    func makeWorker(_ connection: borrowing Connection, _ context: borrowing ServerContext) -> Echo {
        Echo(place: place, isContinuous: isContinuous)
    }

    struct Echo: ConnectionWorker {
        let place: MeterPlace
        let isContinuous: Bool

        func connected(_ connection: borrowing WorkerConnection) {
            if isContinuous { connection.receive(.continuous) }
        }

        func received(_ bytes: Span<UInt8>, _ connection: borrowing WorkerConnection) {
            place.meter.noteDelivery()
            connection.send(bytes)
            if !isContinuous { connection.receive() }
        }
    }
}
