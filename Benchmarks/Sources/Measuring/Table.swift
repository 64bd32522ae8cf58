/// Rows of text in aligned columns.
package struct Table: CustomStringConvertible {
    /// A column with its heading.
    package enum Column: Sendable {
        /// Aligned to the left.
        case text(String)
        /// Aligned to the right.
        case number(String)

        fileprivate var heading: String {
            switch self {
            case .text(let heading), .number(let heading): heading
            }
        }

        fileprivate func aligned(_ cell: String, width: Int) -> String {
            let blanks = String(repeating: " ", count: width - cell.count)
            return switch self {
            case .text: cell + blanks
            case .number: blanks + cell
            }
        }
    }

    private let columns: [Column]
    private var rows: [[String]]

    package init(columns: [Column]) {
        self.columns = columns
        rows = [columns.map(\.heading)]
    }

    /// Adds a row with a cell for each column.
    package mutating func add(_ row: [String]) {
        precondition(row.count == columns.count)
        rows.append(row)
    }

    package var description: String {
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = columns.indices.map { columns[$0].aligned(row[$0], width: widths[$0]) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}
