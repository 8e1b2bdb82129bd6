import Topologies

/// Text of strangers as a cell of comma-separated values (RFC 4180) that a spreadsheet will show and not carry out.
///
/// A cell that begins with `=`, `+`, `-` or `@`, or with a control character before one, is a formula to a spreadsheet.
/// An apostrophe in front makes it text (OWASP, "CSV Injection"). Where a comma is the decimal sign, `;` divides cells,
/// whatever stands in quotes: what comes after one is treated likewise. Characters that do something else than being
/// seen are replaced by U+FFFD.
public enum CSVCell {
    private static let beginsFormula: Set<Unicode.Scalar> = ["=", "+", "-", "@", "＝", "＋", "－", "＠"]

    public static func text(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var isBeginning = true
        var needsQuotes = false
        for scalar in text.unicodeScalars {
            if isBeginning, beginsFormula.contains(scalar) || isBlankControl(scalar) { result.append("'") }
            result.append(PlainText.kind(of: scalar) == .hidden ? "\u{FFFD}" : scalar)
            if scalar == "\"" { result.append("\"") }
            needsQuotes = needsQuotes || scalar == "\"" || scalar == "," || scalar == ";"
            isBeginning = scalar == ";" || (isBeginning && scalar == "\"")
        }
        let cell = String(result)
        return needsQuotes ? "\"\(cell)\"" : cell
    }

    private static func isBlankControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\t" || scalar == "\r" || scalar == "\n"
    }
}
