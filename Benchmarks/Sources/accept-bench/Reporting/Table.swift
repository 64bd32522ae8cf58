/// Rows of text in aligned columns; the first is aligned to the left, as is the last.
struct Table: CustomStringConvertible {
    private var rows: [[String]]

    init(columns: [String]) {
        rows = [columns]
    }

    mutating func add(_ row: [String]) {
        rows.append(row)
    }

    var description: String {
        let last = rows[0].count - 1
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.indices.map { column in
                let blanks = String(repeating: " ", count: widths[column] - row[column].count)
                return column == 0 || column == last ? row[column] + blanks : blanks + row[column]
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop(while: { $0 == " " }).reversed()) + "\n"
        }.joined()
    }
}
