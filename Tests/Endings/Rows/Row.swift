/// A row of the table: clients of one kind, on a server of their own.
protocol Row: Sendable {
    var name: String { get }

    /// The server that it wants, with the greeting that was asked for, where the row does not want others.
    func plan(greeting: Int) -> ServerPlan

    /// Brings the clients and waits for their outcomes.
    func play(on stage: Stage) throws

    /// Whether the server is to lose its patience with each of them.
    var expires: Bool { get }
}

extension Row {
    var expires: Bool { false }
}

enum Rows {
    /// In the order of the table.
    static let all: [any Row] = speaking + large + late

    private static let speaking = [100, 60_000, 2_000_000].flatMap { speech in
        [
            SpeakingRow(speech: speech, crowd: 1), SpeakingRow(speech: speech, crowd: 64),
            SpeakingRow(speech: speech, crowd: 250), SpeakingRow(speech: speech, crowd: 250, quantum: 64),
        ]
    }

    /// Around what the kernel takes at once from a fresh socket, in several versions and with small buffers.
    private static let sizes = [
        1, 1_448, 4_096, 6_288, 6_289, 45_952, 45_953, 47_389, 65_536, 77_544, 77_545, 200_000, 1 << 20, 8 << 20,
    ]

    private static let large: [any Row] = [
        LargeRow(name: "segments of 1,448 bytes", sizes: sizes, Manner(segmentSize: 1_448)),
        LargeRow(name: "small send buffer", sizes: sizes, Manner(segmentSize: 1_448), sendBuffer: 2_304),
        // The largest would take it seconds.
        LargeRow(name: "small receive buffer", sizes: sizes.dropLast(), Manner(receiveBuffer: 4_096)),
        LargeRow(name: "window of 4 KiB", sizes: sizes, Manner(segmentSize: 1_448, window: 4_096)),
    ]

    private static let behindMuch = [40_000, 77_544, 200_000, 400_000].flatMap { first in
        [1, 1_000, 65_536].map { ServerPlan.Part(first, later: $0) }
    }

    /// Between the smallest buffers, one of these sizes or another fills them to the last byte.
    private static let behindFull = stride(from: 4_000, to: 12_000, by: 150).map { ServerPlan.Part($0, later: 1) }

    private static let late: [any Row] = [
        LateRow("the last part behind much", behindMuch),
        LateRow("the last part behind much", behindMuch, quantum: 16),
        LateRow("a byte behind full buffers", behindFull, sendBuffer: 2_304),
        LateRow("a byte behind full buffers", behindFull, sendBuffer: 2_304, quantum: 16),
        SlowRow(),
        LeavingRow(),
        DeafRow(),
        StayingRow(),
    ]
}
