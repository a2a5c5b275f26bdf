internal import Language

/// A sentence that a model wrote, taken apart.
struct WrittenSentence: Sendable, Hashable {
    /// Without the marks `[n]` and without what is not shown.
    let text: String
    /// The numbers in brackets.
    let claimed: [Int]
    /// What stands between quotation marks.
    let quotations: [String]

    /// A quotation begins in it and ends in a later sentence: what follows is quoted too.
    let leavesQuotationOpen: Bool

    private static let pairs: [Unicode.Scalar: Unicode.Scalar] = ["«": "»", "“": "”", "\"": "\"", "„": "“"]

    /// With `isQuoting` the sentence begins inside a quotation.
    init(_ raw: String, isQuoting: Bool = false) {
        var text: [Unicode.Scalar] = []
        var claimed: [Int] = []
        let scalars = Array(raw.unicodeScalars)
        var index = 0
        while index < scalars.count {
            if case .whole(let numbers, let end) = CitationMark.read(scalars, at: index, to: scalars.count) {
                claimed += numbers
                index = end
                // The blank before a mark goes with it.
                while text.last == " ", end >= scalars.count || !scalars[end].properties.isAlphabetic {
                    text.removeLast()
                }
            } else {
                text.append(scalars[index])
                index += 1
            }
        }
        let shown = ScalarText(scalars: text.filter(Self.isShown))
        self.text = shown[shown.trimmed(0..<shown.count)]
        self.claimed = claimed
        // As the model wrote them: a document may hold what is not shown, and a quotation is letter by letter.
        (quotations, leavesQuotationOpen) = Self.quotations(in: text, isQuoting: isQuoting)
    }

    /// Whether a scalar may stand in a sentence. A model has no say in the direction of our text, and what nobody sees
    /// says nothing: controls, overrides and isolates of direction, and characters without width go. The joiners of
    /// Arabic script and the simple marks of direction stay.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A, 0x09, 0x200C...0x200F, 0x061C: true
        case 0xFFFC, 0xFFFD: false
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
            default: true
            }
        }
    }

    /// A quotation may reach over sentences: one that is not closed goes to the end, and where one was open it begins
    /// at the start. The plain `"` is too often an inch or a slip to reach that far.
    private static func quotations(in scalars: [Unicode.Scalar], isQuoting: Bool) -> ([String], Bool) {
        var found: [String] = []
        func take(_ range: Range<Int>) {
            let inner = ScalarText(scalars: Array(scalars[range]))
            found.append(inner[inner.trimmed(0..<inner.count)])
        }
        var index = 0
        if isQuoting {
            guard let end = scalars.firstIndex(where: { $0 == "»" || $0 == "”" }) else {
                take(0..<scalars.count)
                return (found, true)
            }
            take(0..<end)
            index = end + 1
        }
        while index < scalars.count {
            guard let closing = pairs[scalars[index]] else {
                index += 1
                continue
            }
            if let end = scalars[(index + 1)...].firstIndex(of: closing) {
                take(index + 1..<end)
                index = end + 1
            } else {
                take(index + 1..<scalars.count)
                return (found, scalars[index] != "\"")
            }
        }
        return (found, false)
    }
}

/// Collects what a model streams until a sentence is whole.
struct SentenceBuffer {
    /// A sentence that never ends is cut here, in characters.
    private static let longest = 1_500
    private var pending = ""

    /// The sentences that the new piece completes.
    mutating func received(_ piece: String) -> [String] {
        pending += piece
        let text = ScalarText(pending)
        let sentences = SentenceSegmenter.sentences(in: text)
        guard sentences.count > 1 || text.count > Self.longest, let last = sentences.last else { return [] }
        guard sentences.count > 1 else {
            pending = ""
            return [text.string]
        }
        // A mark right after a sentence belongs to it, and may not have arrived whole.
        let rest = Self.marksEnd(text, last)
        guard rest < last.upperBound else { return [] }
        let done = Self.withMarks(text, sentences.dropLast(), end: rest)
        pending = text[rest..<text.count]
        return done
    }

    mutating func finished() -> [String] {
        let text = ScalarText(pending)
        pending = ""
        return Self.withMarks(text, SentenceSegmenter.sentences(in: text)[...], end: text.count)
    }

    /// Each sentence reaches to the end of the marks at the start of the next one.
    private static func withMarks(_ text: ScalarText, _ sentences: ArraySlice<Range<Int>>, end: Int) -> [String] {
        var starts = sentences.map { marksEnd(text, $0) }
        if let first = sentences.first { starts[0] = first.lowerBound }
        return starts.indices.compactMap { index in
            let upper = index + 1 < starts.count ? starts[index + 1] : end
            let range = text.trimmed(starts[index]..<max(starts[index], upper))
            return range.isEmpty ? nil : text[range]
        }
    }

    /// Behind the marks `[1] [2]` at the start of the range; its end when nothing else, or half a mark, is there.
    private static func marksEnd(_ text: ScalarText, _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound {
            let scalar = text.scalars[index]
            if scalar == " " || scalar == "\n" {
                index += 1
                continue
            }
            switch CitationMark.read(text.scalars, at: index, to: range.upperBound) {
            case .whole(_, let end): index = end
            case .half: return range.upperBound
            case .none: return index
            }
        }
        return range.upperBound
    }
}
