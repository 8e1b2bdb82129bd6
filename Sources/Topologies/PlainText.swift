/// Text of strangers (names, aliases, paths, what a file says) as part of a line that people read: nothing in it moves a
/// cursor, turns a line around, breaks it or hides, and it has an end.
public enum PlainText {
    /// Combining marks one after another; more would only blot out the lines around. Tibetan names need five.
    public static let marksMaximum = 6

    /// What a character does to a line.
    public enum Kind {
        case shown
        /// Sits on the character before it.
        case mark
        /// Does something else than being seen: a control or formatting one, a separator of lines, one that Unicode
        /// does not know.
        case hidden
    }

    public static func kind(of scalar: Unicode.Scalar) -> Kind {
        if scalar.isASCII { return (0x20..<0x7F).contains(scalar.value) ? .shown : .hidden }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .spacingMark: return .mark
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
            // Emoji are joined by it.
            return scalar.value == 0x200D ? .mark : .hidden
        default: return .shown
        }
    }

    static func hides(_ scalar: Unicode.Scalar) -> Bool {
        if case .hidden = kind(of: scalar) { true } else { false }
    }

    /// The beginning of a text, with `\u{1b}` for what hides and `…` where something was left out: what comes after
    /// `countMaximum` characters, and marks beyond a few on the same one. Reads no further than it has to.
    ///
    /// - Parameter hidden: what stands in place of a character that hides; nil: its number.
    public static func line(
        _ text: some StringProtocol, countMaximum: Int = 4_000, hidden replacement: String? = nil
    ) -> String {
        var result = String.UnicodeScalarView()
        // A mark at the beginning would sit on what stands before the text.
        var marks = marksMaximum
        var (count, read) = (0, 0)
        for scalar in text.unicodeScalars {
            read += 1
            guard count < countMaximum, read <= 4 * countMaximum else {
                result.append("…")
                break
            }
            switch kind(of: scalar) {
            case .shown:
                result.append(scalar)
                marks = 0
                count += 1
            case .mark:
                if marks < marksMaximum { result.append(scalar) }
                if marks == marksMaximum { result.append("…") }
                marks += 1
            case .hidden:
                let number = replacement ?? "\\u{\(String(scalar.value, radix: 16))}"
                result.append(contentsOf: number.unicodeScalars)
                marks = 0
                count += 1
            }
        }
        return String(result)
    }

    /// The longest beginning of at most so many bytes.
    static func beginning(of text: String, bytes countMaximum: Int) -> String {
        let bytes = Array(text.utf8.prefix(countMaximum + 1))
        guard bytes.count > countMaximum else { return text }
        var end = countMaximum
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
