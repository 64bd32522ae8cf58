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

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo {
        Echo(place: place, isContinuous: isContinuous)
    }

    struct Echo: ConnectionWorker {
        let place: MeterPlace
        let isContinuous: Bool

        func connected(_ connection: borrowing WorkerConnection<Self>) {
            if isContinuous { connection.receive(.continuous) }
        }

        func received(_ bytes: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            place.meter.noteDelivery()
            connection.send(bytes)
            if !isContinuous { connection.receive() }
        }
    }
}
