import Topologies

/// Text as a terminal shows it: in columns, of which some characters take two and some none.
///
/// Aliases come from strangers: they hold emoji, accents, Chinese, and whatever else a node's owner announced.
public struct TerminalText: Sendable {
    /// What may be printed: without control characters, which could move the cursor, and without the formatting
    /// ones, which could turn the line around.
    public let text: String
    /// Columns it takes.
    public let width: Int

    public init(_ text: String) {
        var kept = ""
        var count = 0
        // A mark at the beginning would sit on what stands before the text.
        var marks = PlainText.marksMaximum
        for scalar in text.unicodeScalars {
            count += 1
            guard count <= Self.countMaximum else {
                kept += "…"
                break
            }
            switch PlainText.kind(of: scalar) {
            case .shown: marks = 0
            case .mark:
                marks += 1
                if marks > PlainText.marksMaximum { continue }
            case .hidden where scalar.properties.generalCategory == .format: continue
            case .hidden:
                kept.unicodeScalars.append("\u{FFFD}")
                marks = 0
                continue
            }
            kept.unicodeScalars.append(scalar)
        }
        self.text = kept
        width = kept.reduce(0) { $0 + Self.width(of: $1) }
    }

    /// The longest beginning that fits, with `…` where something was cut.
    public func truncated(to columns: Int) -> TerminalText {
        guard width > columns else { return self }
        guard columns > 0 else { return TerminalText("") }
        var kept = ""
        var used = 0
        for character in text {
            let next = Self.width(of: character)
            guard used + next < columns else { break }
            kept.append(character)
            used += next
        }
        return TerminalText(kept + "…")
    }

    /// No terminal shows a line of more characters.
    private static let countMaximum = 4_000

    /// A character is as wide as the scalar that it is built on; the emoji selector makes it two wide.
    private static func width(of character: Character) -> Int {
        let scalars = character.unicodeScalars
        guard let base = scalars.first else { return 0 }
        if scalars.contains(where: { $0.value == 0xFE0F }) { return 2 }
        // Two regional indicators are one flag.
        if (0x1F1E6...0x1F1FF).contains(base.value) { return 2 }
        switch base.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: return base.properties.isEmojiPresentation || isWide(base.value) ? 2 : 1
        }
    }

    /// Blocks of Unicode Standard Annex 11's wide and fullwidth characters.
    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
            0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}

/// How a report may look: sober where it goes to a file, with weight and colour where a person reads it.
public struct TextStyle: Sendable {
    public var isRich: Bool

    public init(isRich: Bool) { self.isRich = isRich }

    public func bold(_ text: String) -> String { wrap(text, in: "1") }
    public func faint(_ text: String) -> String { wrap(text, in: "2") }
    public func red(_ text: String) -> String { wrap(text, in: "31") }
    public func green(_ text: String) -> String { wrap(text, in: "32") }
    public func yellow(_ text: String) -> String { wrap(text, in: "33") }

    private func wrap(_ text: String, in code: String) -> String {
        isRich && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
