internal import Language

/// The readable text of an HTML page.
///
/// A scanner, not a parser: it drops scripts, styles and other invisible parts, ends lines at block elements, keeps
/// headings and list items, and decodes character references. Nothing is executed or loaded, and the work is linear
/// in the size of the page, however its tags are nested.
struct HTMLText {
    private var output: [Unicode.Scalar] = []
    private var headings: [Heading] = []
    private var title: [Unicode.Scalar] = []
    private var inTitle = false
    private var preformatted = 0
    private var openHeading: (start: Int, level: Int)?
    private let input: [Unicode.Scalar]
    private var at = 0

    private static let invisible: Set<String> = [
        "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "select",
    ]
    private static let blocks: Set<String> = [
        "p", "div", "section", "article", "header", "footer", "main", "aside", "nav", "ul", "ol", "dl", "dt", "dd",
        "table", "tr", "blockquote", "pre", "figure", "figcaption", "form", "fieldset", "address", "hr", "body",
        "h1", "h2", "h3", "h4", "h5", "h6", "title", "caption", "details", "summary",
    ]

    static func extract(_ scalars: [Unicode.Scalar]) -> ExtractedText {
        var scanner = HTMLText(input: scalars)
        scanner.scan()
        return scanner.finished()
    }

    private init(input: [Unicode.Scalar]) {
        self.input = input
        output.reserveCapacity(input.count / 2)
    }

    private mutating func scan() {
        while at < input.count {
            switch input[at] {
            case "<": tag()
            case "&": character(CharacterReferences.decode(input, &at))
            default:
                character([input[at]])
                at += 1
            }
        }
    }

    private mutating func character(_ scalars: [Unicode.Scalar]) {
        for scalar in scalars {
            if inTitle {
                title.append(scalar)
            } else if scalar.properties.isWhitespace, preformatted == 0 {
                if let last = output.last, !last.properties.isWhitespace { output.append(" ") }
            } else {
                output.append(scalar)
            }
        }
    }

    private mutating func tag() {
        if starts(with: "<!--") {
            at = find("-->", from: at + 4).map { $0 + 3 } ?? input.count
            return
        }
        let next = at + 1 < input.count ? input[at + 1] : " "
        guard next == "/" || next == "!" || next == "?" || next.properties.isAlphabetic else {
            character(["<"])
            at += 1
            return
        }
        let closing = next == "/"
        var index = at + (closing ? 2 : 1)
        var name = ""
        while index < input.count, input[index].isASCII, input[index].properties.isAlphabetic || isDigit(input[index]) {
            if name.utf8.count < 16 { name.unicodeScalars.append(input[index]) }
            index += 1
        }
        at = tagEnd(from: index)
        apply(name.lowercased(), closing: closing)
    }

    /// Past the `>` that ends the tag; one within a quoted attribute does not.
    private func tagEnd(from start: Int) -> Int {
        var index = start
        var quote: Unicode.Scalar?
        while index < input.count {
            let scalar = input[index]
            if let open = quote {
                if scalar == open { quote = nil }
            } else if scalar == "\"" || scalar == "'" {
                quote = scalar
            } else if scalar == ">" {
                return index + 1
            }
            index += 1
        }
        return index
    }

    private mutating func apply(_ name: String, closing: Bool) {
        if Self.invisible.contains(name), !closing {
            skip(to: name)
            return
        }
        if name == "title" { inTitle = !closing && title.isEmpty }
        if name == "br" { lineBreak() }
        if name == "td" || name == "th", closing { character([" "]) }
        if name == "li" {
            lineBreak()
            if !closing { output.append(contentsOf: "- ".unicodeScalars) }
        }
        if Self.blocks.contains(name) { blankLine() }
        if name == "pre" { preformatted = max(0, preformatted + (closing ? -1 : 1)) }
        if name.utf8.count == 2, name.hasPrefix("h"), let level = Int(name.dropFirst()), (1...6).contains(level) {
            heading(level: level, closing: closing)
        }
    }

    private mutating func heading(level: Int, closing: Bool) {
        guard closing else {
            openHeading = (output.count, level)
            return
        }
        guard let open = openHeading else { return }
        openHeading = nil
        var end = output.count
        while end > open.start, output[end - 1].properties.isWhitespace { end -= 1 }
        if open.start < end { headings.append(Heading(range: open.start..<end, level: open.level)) }
    }

    /// To after the element's end tag. An element that never ends swallows the rest, as in a browser.
    private mutating func skip(to name: String) {
        var index = at
        let wanted = Array("</\(name)".unicodeScalars)
        while index < input.count {
            if input[index] == "<", matches(wanted, at: index) {
                at = tagEnd(from: index)
                return
            }
            index += 1
        }
        at = input.count
    }

    private func matches(_ wanted: [Unicode.Scalar], at index: Int) -> Bool {
        guard index + wanted.count <= input.count else { return false }
        for (offset, scalar) in wanted.enumerated() {
            let value = input[index + offset].value
            let lower = (0x41...0x5A).contains(value) ? value + 32 : value
            if lower != scalar.value { return false }
        }
        return true
    }

    private mutating func lineBreak() {
        while output.last == " " { output.removeLast() }
        if let last = output.last, last != "\n" { output.append("\n") }
    }

    private mutating func blankLine() {
        lineBreak()
        guard output.count >= 2, output[output.count - 2] != "\n" else { return }
        output.append("\n")
    }

    private func starts(with text: String) -> Bool { input[at...].starts(with: text.unicodeScalars) }

    private func find(_ text: String, from start: Int) -> Int? {
        let wanted = Array(text.unicodeScalars)
        var index = start
        while index + wanted.count <= input.count {
            if input[index...].starts(with: wanted) { return index }
            index += 1
        }
        return nil
    }

    private func isDigit(_ scalar: Unicode.Scalar) -> Bool { (0x30...0x39).contains(scalar.value) }

    private func finished() -> ExtractedText {
        let text = ScalarText(scalars: output)
        let name = ScalarText(scalars: title)
        let trimmed = name[name.trimmed(0..<name.count)]
        let heading = headings.first { $0.level == 1 }.map { text[$0.range] }
        return ExtractedText(
            mediaType: .html, text: text, pageStarts: [0], pageCount: 0, headings: headings,
            title: heading ?? (trimmed.isEmpty ? nil : trimmed))
    }
}
