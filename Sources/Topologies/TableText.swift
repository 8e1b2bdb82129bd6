/// Text as a cell of a table inside YAML: on one line whatever it is, and nothing that YAML would take for its own.
///
/// A backslash begins an escape: `\\` itself, `\u{2028}` a character by its number.
enum TableText {
    /// Whether YAML has it as it is inside a block of text, and no reader breaks a line at it.
    ///
    /// What hides (controls, what turns a line around) goes by its number, so that a table can be looked at.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        scalar != "\\" && !PlainText.hides(scalar)
    }

    /// The cell that says `text`, in quotes where it needs them.
    static func cell(_ text: String) -> String {
        var result = ""
        for (position, scalar) in text.unicodeScalars.enumerated() {
            // Where a value may begin, `&` and `*` would look like YAML's anchors and aliases, and a mark would sit on
            // the comma before it.
            let isMisread =
                position == 0 && (scalar == "&" || scalar == "*" || PlainText.kind(of: scalar) == .mark)
            if scalar == "\\" {
                result += "\\\\"
            } else if isPlain(scalar), !isMisread {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        let scalars = result.unicodeScalars
        let needsQuotes =
            scalars.contains { $0 == "," || $0 == "\"" } || scalars.first == " " || scalars.last == " "
        return needsQuotes ? "\"" + result.replacing("\"", with: "\"\"") + "\"" : result
    }

    /// What a cell says, without its quotes already.
    static func unescaped(
        _ text: String, _ error: (String) -> TopologyError
    ) throws(TopologyError) -> String {
        guard text.utf8.contains(UInt8(ascii: "\\")) else { return text }
        var result = ""
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            let kind = rest.popFirst()
            if kind == "\\" {
                result.unicodeScalars.append("\\")
                continue
            }
            let digits = rest.dropFirst().prefix { $0 != "}" }
            guard kind == "u", rest.first == "{", (1...6).contains(digits.count),
                digits.allSatisfy({ $0.properties.isASCIIHexDigit }),
                let value = UInt32(String(digits), radix: 16), let character = Unicode.Scalar(value)
            else { throw error("an escape that is neither '\\\\' nor such as '\\u{2028}'") }
            result.unicodeScalars.append(character)
            rest = rest.dropFirst(digits.count + 2)
        }
        return result
    }
}
