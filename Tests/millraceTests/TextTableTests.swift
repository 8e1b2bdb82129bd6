import Testing

@testable import Reports

struct TextTableTests {
    private func table() -> TextTable {
        var table = TextTable(columns: [
            .init("node", .left, widthMaximum: 8), .init("net"), .init("", .left),
        ])
        table.rows = [
            ["carol 🥕", "1,000", "*"], ["日本", "−3", ""], ["longer than that", "12", ""],
        ]
        table.sums = [["total", "1,009", ""]]
        return table
    }

    @Test func `aligns what a terminal shows`() {
        #expect(
            table().lines(style: TextStyle(isRich: false)) == [
                "node        net",
                "──────────────────",
                "carol 🥕  1,000  *",
                "日本         −3",
                "longer …     12",
                "──────────────────",
                "total     1,009",
            ])
    }

    @Test func `weight takes no room`() {
        let plain = table().lines(style: TextStyle(isRich: false))
        let rich = table().lines(style: TextStyle(isRich: true))
        let stripped = rich.map { $0.replacing(#/\u{1B}\[\d*m/#, with: "") }
        #expect(rich != plain)
        #expect(stripped == plain)
    }

    @Test(arguments: [
        ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("🥕", 2), ("👩‍👩‍👧", 2), ("🇨🇭", 2), ("⚡️", 2),
        ("⚡", 2), ("№1", 2), ("ｆｕｌｌ", 8), ("한글", 4), ("❤", 1), ("❤️", 2),
    ])
    func `knows how wide a text is`(text: String, width: Int) {
        #expect(TerminalText(text).width == width)
    }

    @Test(arguments: ["\u{1B}[2J", "a\rb", "a\nb", "\u{202E}abc", "\u{9B}31m", "\u{2028}", "\u{0}"])
    func `lets no text command the terminal`(text: String) {
        let shown = TerminalText(text).text
        #expect(shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) })
        #expect(!shown.unicodeScalars.contains("\u{202E}") && !shown.unicodeScalars.contains("\u{2028}"))
    }

    @Test(arguments: 0...12)
    func `cuts a text to any width`(columns: Int) {
        #expect(TerminalText("日本 carol 🥕").truncated(to: columns).width <= columns)
    }

    @Test func `three million combining marks take no more room than a few`() {
        let marks = String(repeating: "\u{301}", count: 3_000_000)
        let text = TerminalText("a" + marks + "b")
        #expect(text.text.unicodeScalars.count < 10)
        #expect(text.width <= 3)
        #expect(TerminalText(marks).width <= 1)
        #expect(TerminalText(String(repeating: "x", count: 100_000)).width < 5_000)
    }
}
