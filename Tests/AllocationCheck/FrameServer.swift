import NBServer

/// Its workers answer each frame with one: what they received, or a text of their own.
struct FrameServer: MeteredBehavior {
    private let place: MeterPlace
    private let framing: WorkerOptions.Framing
    private let text: String?

    init(meter: Meter, framing: WorkerOptions.Framing, text: String? = nil) {
        place = MeterPlace(meter)
        self.framing = framing
        self.text = text
    }

    var meter: Meter {
        get { place.meter }
        nonmutating set { place.meter = newValue }
    }

    func makeWorker(for connection: borrowing Connection, in context: borrowing ServerContext) -> Echo {
        Echo(place: place, framing: framing, text: text)
    }

    struct Echo: ConnectionWorker {
        let place: MeterPlace
        let framing: WorkerOptions.Framing
        let text: String?

        func connected(_ connection: borrowing WorkerConnection<Self>) {
            connection.setFraming(framing)
            connection.receive(.continuous)
        }

        func received(_ frame: Span<UInt8>, on connection: borrowing WorkerConnection<Self>) {
            place.meter.noteDelivery()
            if let text { connection.sendFrame(text) } else { connection.sendFrame(frame) }
        }
    }
}
