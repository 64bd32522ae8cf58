/// Rows of text in aligned columns.
package struct Table: CustomStringConvertible {
    private var rows: [[String]]

    package init(columns: [String]) {
        rows = [columns]
    }

    package mutating func add(_ row: [String]) {
        rows.append(row)
    }

    package var description: String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        // No blanks behind the last cell of a row.
        return rows.map { row in
            zip(row.dropLast(), widths)
                .map { cell, width in cell + String(repeating: " ", count: width - cell.count + 2) }
                .joined() + row[row.count - 1] + "\n"
        }.joined()
    }
}
