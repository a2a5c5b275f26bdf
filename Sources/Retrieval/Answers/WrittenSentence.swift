internal import Language

/// A sentence that a model wrote, taken apart.
struct WrittenSentence: Sendable, Hashable {
    /// Without the marks `[n]`.
    let text: String
    /// The numbers in brackets.
    let claimed: [Int]
    /// What stands between quotation marks.
    let quotations: [String]

    private static let pairs: [Unicode.Scalar: Unicode.Scalar] = ["«": "»", "“": "”", "\"": "\"", "„": "“"]

    init(_ raw: String) {
        var text = String.UnicodeScalarView()
        var claimed: [Int] = []
        let scalars = Array(raw.unicodeScalars)
        var index = 0
        while index < scalars.count {
            if scalars[index] == "[", let (number, end) = Self.mark(scalars, index) {
                claimed.append(number)
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
        let whole = ScalarText(scalars: Array(text))
        self.text = whole[whole.trimmed(0..<whole.count)]
        self.claimed = claimed
        quotations = Self.quotations(in: scalars)
    }

    /// `[12]` at the place.
    private static func mark(_ scalars: [Unicode.Scalar], _ start: Int) -> (Int, Int)? {
        var index = start + 1
        var number = 0
        while index < scalars.count, index - start <= 3, ("0"..."9").contains(scalars[index]) {
            number = number * 10 + Int(scalars[index].value - 0x30)
            index += 1
        }
        guard index > start + 1, index < scalars.count, scalars[index] == "]" else { return nil }
        return (number, index + 1)
    }

    private static func quotations(in scalars: [Unicode.Scalar]) -> [String] {
        var found: [String] = []
        var index = 0
        while index < scalars.count {
            guard let closing = pairs[scalars[index]],
                let end = scalars[(index + 1)...].firstIndex(of: closing)
            else {
                index += 1
                continue
            }
            let inner = ScalarText(scalars: Array(scalars[(index + 1)..<end]))
            found.append(inner[inner.trimmed(0..<inner.count)])
            index = end + 1
        }
        return found
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
            } else if scalar == "[" {
                guard let close = text.scalars[index..<range.upperBound].firstIndex(of: "]") else {
                    return range.count < 6 ? range.upperBound : index
                }
                guard close - index <= 4 else { return index }
                index = close + 1
            } else {
                return index
            }
        }
        return range.upperBound
    }
}
