import Schema

/// Reads an answer as a distrustful reader would, and tells whatever is wrong with it.
struct AnswerAudit {
    /// A document as it is stored.
    struct Stored {
        let scalars: [Unicode.Scalar]
        let units: [UInt16]

        init(_ text: String) { (scalars, units) = (Array(text.unicodeScalars), Array(text.utf16)) }

        func holds(_ quote: [Unicode.Scalar]) -> Bool {
            guard let first = quote.first, quote.count <= scalars.count else { return false }
            return (0...scalars.count - quote.count).contains { start in
                scalars[start] == first && scalars[start..<start + quote.count].elementsEqual(quote)
            }
        }
    }

    /// A shorter quotation proves nothing, and need not be found.
    static let shortestQuote = 12

    private(set) var violations: [String] = []
    private(set) var citations = 0
    private(set) var supported = 0
    private(set) var unsupported = 0
    private(set) var hasAbstained = false
    private(set) var isWhole = false

    private let documents: [String: Stored]
    private var sources: [String: String] = [:]
    private var known: Set<Int> = []
    private var expectsMark = false
    private var pendingMark: Int?

    /// `documents`: the texts of all that the tenant has, by id.
    init(_ events: [Ragdz_V1_AskEvent.OneOf_Event], _ documents: [String: Stored]) {
        self.documents = documents
        for event in events { read(event) }
        if expectsMark || pendingMark != nil, isWhole {
            violations.append("a sentence without its citation at the end")
        }
    }

    private mutating func read(_ event: Ragdz_V1_AskEvent.OneOf_Event) {
        if isWhole { violations.append("something follows the usage") }
        if let mark = pendingMark {
            if case .citation = event {} else { violations.append("the mark \(mark) dangles") }
        }
        switch event {
        case .sources(let said): for hit in said.hits { sources[hit.chunkID] = hit.documentID }
        case .text(let piece): read(piece)
        case .citation(let citation): check(citation)
        case .abstention: hasAbstained = true
        case .usage: isWhole = true
        }
    }

    private mutating func read(_ piece: Ragdz_V1_AskText) {
        if expectsMark {
            expectsMark = false
            guard !piece.unsupported, let number = Self.mark(piece.text) else {
                return violations.append("no mark behind a sentence that is not flagged, but “\(piece.text)”")
            }
            if !known.contains(number) { pendingMark = number }
            return
        }
        if let hidden = piece.text.unicodeScalars.first(where: Self.isHidden) {
            violations.append("a hidden character: \(hidden.value)")
        }
        if let mark = Self.modelsMark(piece.text) { violations.append("a mark of the model's own: \(mark)") }
        if piece.unsupported { return unsupported += 1 }
        supported += 1
        expectsMark = true
        if piece.text.contains(HostileModel.inventedFigure) {
            violations.append("an invented figure as true: \(piece.text)")
        }
        for quote in Self.quotations(piece.text)
        where !sources.values.contains(where: { documents[$0]?.holds(quote) == true }) {
            violations.append("an invented quote as true: \(piece.text)")
        }
    }

    private mutating func check(_ citation: Ragdz_V1_Citation) {
        let number = Int(citation.number)
        citations += 1
        if number != citations || pendingMark != number { violations.append("citation \(number) is out of order") }
        pendingMark = nil
        known.insert(number)
        if sources[citation.chunkID] != citation.documentID { violations.append("citation \(number) of no source") }
        guard let document = documents[citation.documentID] else {
            return violations.append("citation \(number) of a document that the tenant does not have")
        }
        let scalars = Int(citation.start)..<max(Int(citation.start), Int(citation.end))
        let units = Int(citation.utf16Start)..<max(Int(citation.utf16Start), Int(citation.utf16End))
        let isExact =
            !scalars.isEmpty && scalars.lowerBound >= 0 && scalars.upperBound <= document.scalars.count
            && units.lowerBound >= 0 && units.upperBound <= document.units.count
            && citation.quote.unicodeScalars.elementsEqual(document.scalars[scalars])
            && citation.quote.utf16.elementsEqual(document.units[units])
        if !isExact { violations.append("citation \(number) is not what the document says: “\(citation.quote)”") }
    }

    /// ` [2]`, as we write it.
    private static func mark(_ text: String) -> Int? {
        guard text.hasPrefix(" ["), text.hasSuffix("]") else { return nil }
        return Int(text.dropFirst(2).dropLast())
    }

    /// Digits in brackets, which a reader would take for a citation.
    static func modelsMark(_ text: String) -> String? {
        var inside: String?
        for character in text {
            switch character {
            case "[", "【", "［": inside = ""
            case "]", "】", "］":
                if let found = inside?.filter({ $0 != " " }), (1...3).contains(found.count),
                    found.allSatisfy(\.isNumber)
                {
                    return found
                }
                inside = nil
            default: inside?.append(character)
            }
        }
        return nil
    }

    static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: false
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2060...0x2069, 0x200B, 0xFEFF, 0xE0000...0xE007F: true
        default: false
        }
    }

    /// What stands between « and ».
    static func quotations(_ text: String) -> [[Unicode.Scalar]] {
        let scalars = Array(text.unicodeScalars)
        var found: [[Unicode.Scalar]] = []
        var start: Int?
        for (index, scalar) in scalars.enumerated() {
            if scalar == "«" { start = index + 1 }
            if scalar == "»", let from = start {
                var inner = scalars[from..<index]
                while inner.first?.properties.isWhitespace == true { inner.removeFirst() }
                while inner.last?.properties.isWhitespace == true { inner.removeLast() }
                if inner.count >= shortestQuote { found.append(Array(inner)) }
                start = nil
            }
        }
        return found
    }
}
