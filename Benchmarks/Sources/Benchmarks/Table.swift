import Foundation

/// Rows under headings, printed as they come: columns as wide as their headings, the first one wide enough for names.
struct Table {
    private let widths: [Int]

    init(_ title: String, _ headings: [String], firstWidth: Int = 34) {
        widths = headings.enumerated().map { $0.offset == 0 ? firstWidth : max($0.element.count, 9) }
        print("\n\(title)")
        row(headings)
    }

    func row(_ cells: [String]) {
        let padded = zip(cells, widths).enumerated().map { column, cell in
            let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return column == 0 ? cell.0 + blanks : blanks + cell.0
        }
        print(padded.joined(separator: "  "))
        fflush(nil)
    }
}

extension Double {
    func text(_ decimals: Int = 2) -> String { String(format: "%.\(decimals)f", self) }
}

extension UInt64 {
    var hexadecimal: String { String(format: "%016lx", self) }
}
