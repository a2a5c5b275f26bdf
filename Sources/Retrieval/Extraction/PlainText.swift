internal import Language

/// Headings of Markdown and of plain text, found by the form of their lines.
enum PlainText {
    private enum Limits {
        /// A longer line is no heading.
        static let headingScalars = 90
    }

    static func extract(_ scalars: [Unicode.Scalar], markdown: Bool) -> ExtractedText {
        // A form feed in a text file is a page break of old printers; it means no more than a blank line here.
        let text = ScalarText(scalars: scalars.map { $0 == "\u{0C}" ? "\n" : $0 })
        let headings = markdown ? markdownHeadings(text) : plainHeadings(text)
        let title = headings.first { $0.level == 1 }.map { text[$0.range] }
        return ExtractedText(
            mediaType: markdown ? .markdown : .plain, text: text, pageStarts: [0], pageCount: 0, headings: headings,
            title: title)
    }

    /// Whether a text without a telling name looks like Markdown: it has headings with number signs, or fenced code.
    static func looksLikeMarkdown(_ scalars: [Unicode.Scalar]) -> Bool {
        let text = ScalarText(scalars: Array(scalars.prefix(50_000)))
        return markdownHeadings(text).count >= 2
    }

    static func lines(of text: ScalarText) -> [Range<Int>] {
        var lines: [Range<Int>] = []
        var start = 0
        for (index, scalar) in text.scalars.enumerated() where scalar == "\n" {
            lines.append(start..<index)
            start = index + 1
        }
        if start < text.count { lines.append(start..<text.count) }
        return lines
    }

    static func markdownHeadings(_ text: ScalarText) -> [Heading] {
        var headings: [Heading] = []
        var inCode = false
        let lines = lines(of: text)
        for (number, line) in lines.enumerated() {
            let trimmed = text.trimmed(line)
            guard !trimmed.isEmpty else { continue }
            let rest = text.scalars[trimmed]
            if rest.starts(with: "```".unicodeScalars) || rest.starts(with: "~~~".unicodeScalars) {
                inCode.toggle()
                continue
            }
            if inCode { continue }
            let marks = rest.prefix { $0 == "#" }.count
            if (1...6).contains(marks), marks < rest.count, text.scalars[trimmed.lowerBound + marks] == " " {
                var range = text.trimmed((trimmed.lowerBound + marks)..<trimmed.upperBound)
                while !range.isEmpty, text.scalars[range.upperBound - 1] == "#" {
                    range = text.trimmed(range.lowerBound..<(range.upperBound - 1))
                }
                if !range.isEmpty { headings.append(Heading(range: range, level: marks)) }
            } else if let level = underline(text, lines, after: number), rest.count <= Limits.headingScalars {
                headings.append(Heading(range: trimmed, level: level))
            }
        }
        return headings
    }

    /// A line of `===` or `---` makes the line above a heading.
    private static func underline(_ text: ScalarText, _ lines: [Range<Int>], after number: Int) -> Int? {
        guard number + 1 < lines.count else { return nil }
        let next = text.scalars[text.trimmed(lines[number + 1])]
        guard next.count >= 3, let first = next.first, next.allSatisfy({ $0 == first }) else { return nil }
        return first == "=" ? 1 : first == "-" ? 2 : nil
    }

    static func plainHeadings(_ text: ScalarText) -> [Heading] {
        var scan = HeadingScan()
        var headings = text.scalars.compactMap { scan.look(at: $0) }
        if let last = scan.finish() { headings.append(last) }
        return headings
    }
}
