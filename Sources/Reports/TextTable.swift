/// A table in plain text: a head, a rule, rows, and a sum under a second rule.
struct TextTable {
    enum Alignment {
        case left, right
    }

    /// How a cell is shown; its text is measured without it.
    enum Emphasis {
        case plain, faint, bold, good, bad
    }

    struct Column {
        var title: String
        var alignment: Alignment
        /// Columns of the terminal; longer texts are cut.
        var widthMaximum: Int

        init(_ title: String, _ alignment: Alignment = .right, widthMaximum: Int = 40) {
            self.title = title
            self.alignment = alignment
            self.widthMaximum = widthMaximum
        }
    }

    struct Cell: ExpressibleByStringLiteral {
        var text: String
        var emphasis: Emphasis

        init(_ text: String, _ emphasis: Emphasis = .plain) {
            self.text = text
            self.emphasis = emphasis
        }

        init(stringLiteral value: String) { self.init(value) }
    }

    var columns: [Column]
    var rows: [[Cell]] = []
    /// Under a rule of their own.
    var sums: [[Cell]] = []

    /// Lines without their newline, and without blanks at their ends.
    func lines(style: TextStyle) -> [String] {
        let body = (rows + sums).map { row in
            precondition(row.count == columns.count, "a row has a cell for every column")
            return zip(row, columns).map { cell, column in
                (text: TerminalText(cell.text).truncated(to: column.widthMaximum), emphasis: cell.emphasis)
            }
        }
        let widths = columns.indices.map { index in
            body.reduce(TerminalText(columns[index].title).width) { max($0, $1[index].text.width) }
        }
        let rule = style.faint(String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1)))
        let head = columns.map { (text: TerminalText($0.title), emphasis: Emphasis.bold) }
        var lines = [line(head, widths: widths, style: style), rule]
        for (index, row) in body.enumerated() {
            if index == rows.count { lines.append(rule) }
            lines.append(line(row, widths: widths, style: style))
        }
        return lines
    }

    private func line(
        _ cells: [(text: TerminalText, emphasis: Emphasis)], widths: [Int], style: TextStyle
    ) -> String {
        var line = ""
        // Blanks are written only before the next text, so that none end the line.
        var pending = 0
        for (index, cell) in cells.enumerated() {
            let space = widths[index] - cell.text.width
            if columns[index].alignment == .right { pending += space }
            if cell.text.width > 0 {
                line += String(repeating: " ", count: pending)
                line += styled(cell.text.text, cell.emphasis, style)
                pending = 0
            }
            if columns[index].alignment == .left { pending += space }
            pending += 2
        }
        return line
    }

    private func styled(_ text: String, _ emphasis: Emphasis, _ style: TextStyle) -> String {
        switch emphasis {
        case .plain: text
        case .faint: style.faint(text)
        case .bold: style.bold(text)
        case .good: style.green(text)
        case .bad: style.red(text)
        }
    }
}
