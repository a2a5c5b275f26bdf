/// Cuts a text into sentences, as ranges of Unicode scalars without the white space between them.
///
/// A full stop ends a sentence unless it belongs to a number, an abbreviation or an initial, or the next word
/// goes on in lower case. `؟ ! ? …` end one; so do blank lines and the start of a list item. The Arabic semicolon
/// `؛` ends one that is already long, because Arabic legal prose strings whole paragraphs together with it.
public enum SentenceSegmenter {
    public enum Limits {
        /// A longer run is cut at the last white space before, so that one sentence always fits a chunk.
        public static let scalarsPerSentence = 700
        /// A longer line is no heading.
        public static let headingLine = 90
        /// No program wraps lines this long.
        public static let longLine = 100
        /// From this length an Arabic semicolon ends a sentence.
        public static let longClause = 160
    }

    public static func sentences(in text: ScalarText) -> [Range<Int>] {
        sentences(in: text, range: 0..<text.count)
    }

    public static func sentences(in text: ScalarText, range: Range<Int>) -> [Range<Int>] {
        var scan = SentenceScan(scalars: text.scalars, range: range, isTextStart: true)
        var sentences: [Range<Int>] = []
        while let next = scan.next() {
            let trimmed = text.trimmed(next)
            if !trimmed.isEmpty { sentences.append(trimmed) }
        }
        return sentences
    }

    /// Those sentences of a part of a text that stay what they are whatever comes after the part, untrimmed, and where the
    /// rest begins. `scalars` begins before the range, at the text's start or with at least one scalar; with `isEnd` nothing
    /// comes after the range, and the rest is empty.
    public static func settledSentences(
        in scalars: [Unicode.Scalar], range: Range<Int>, isTextStart: Bool, isEnd: Bool
    ) -> (sentences: [Range<Int>], rest: Int) {
        var scan = SentenceScan(scalars: scalars, range: range, isTextStart: isTextStart)
        var sentences: [Range<Int>] = []
        var rest = range.lowerBound
        while let next = scan.next() {
            // What was found at the range's end might be found further on.
            if scan.reachedEnd, !isEnd { return (sentences, next.lowerBound) }
            sentences.append(next)
            rest = next.upperBound
        }
        return (sentences, isEnd ? range.upperBound : max(rest, scan.start))
    }

    /// How many scalars are looked at to cut a text: what tests hold against the text's length.
    static func steps(in text: ScalarText) -> Int {
        var scan = SentenceScan(scalars: text.scalars, range: 0..<text.count, isTextStart: true)
        while scan.next() != nil {}
        return scan.steps
    }
}

/// The position within a text that is being cut.
private struct SentenceScan {
    let scalars: [Unicode.Scalar]
    let end: Int
    var start: Int
    private(set) var steps = 0
    /// Whether something was decided by where the range ends.
    private(set) var reachedEnd = false
    /// Whether the first scalar is the first one of the text.
    let isTextStart: Bool
    /// The last run of closing marks that was walked: from any place in it, it ends where it ends. Without it, a long
    /// run of "!" would be walked again for each of its marks.
    private var closers = 0..<0
    /// The last run of white space after a full stop, for the same reason.
    private var gap = 0..<0

    init(scalars: [Unicode.Scalar], range: Range<Int>, isTextStart: Bool) {
        self.scalars = scalars
        self.isTextStart = isTextStart
        start = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> Range<Int>? {
        while isIn(start), scalars[start].properties.isWhitespace { start += 1 }
        guard isIn(start) else { return nil }
        let from = start
        var index = start
        var lastSpace: Int?
        while isIn(index) {
            steps += 1
            if let boundary = boundary(after: index) {
                start = boundary
                return from..<boundary
            }
            if scalars[index].properties.isWhitespace { lastSpace = index }
            if index - from >= SentenceSegmenter.Limits.scalarsPerSentence {
                let cut = lastSpace ?? index
                start = cut
                return from..<cut
            }
            index += 1
        }
        start = end
        return from..<end
    }

    private mutating func isIn(_ index: Int) -> Bool {
        if index < end { return true }
        reachedEnd = true
        return false
    }

    /// Where the sentence ends when the scalar at `index` ends it.
    private mutating func boundary(after index: Int) -> Int? {
        switch scalars[index] {
        case "!", "?", "؟", "…", "。", "۔":
            let close = afterClosers(index + 1)
            return !isIn(close) || scalars[close].properties.isWhitespace ? close : nil
        case ".":
            return fullStop(at: index)
        case "؛", ";":
            return index - start >= SentenceSegmenter.Limits.longClause ? index + 1 : nil
        case "\n":
            return lineBreak(at: index)
        case "\u{0C}":
            return index + 1
        default:
            return nil
        }
    }

    private mutating func fullStop(at index: Int) -> Int? {
        let close = afterClosers(index + 1)
        guard isIn(close) else { return close }
        guard scalars[close].properties.isWhitespace else { return nil }
        if close == index + 1, isAbbreviation(before: index) { return nil }
        let next = afterGap(close)
        guard isIn(next) else { return close }
        if scalars[next].properties.isLowercase { return nil }
        return close
    }

    private mutating func isAbbreviation(before index: Int) -> Bool {
        var from = index
        while from > start, scalars[from - 1].properties.isAlphabetic || scalars[from - 1] == "." {
            from -= 1
            steps += 1
            if index - from > Abbreviations.longest { return false }
        }
        guard from < index else { return false }
        // A number of a list item ("1.") is handled as a line; a single capital letter is an initial.
        if index - from == 1 { return !isArabic(scalars[from]) || from == start }
        let word = NormalizedText(ScalarText(scalars: Array(scalars[from..<index]))).string
        return Abbreviations.words.contains(word)
    }

    private func isArabic(_ scalar: Unicode.Scalar) -> Bool { (0x0600...0x06FF).contains(scalar.value) }

    /// A blank line ends a sentence, and so does a line that is followed by a list item or a heading.
    private mutating func lineBreak(at index: Int) -> Int? {
        var next = index + 1
        while isIn(next), scalars[next] == " " || scalars[next] == "\t" || scalars[next] == "\r" {
            next += 1
            steps += 1
        }
        guard isIn(next) else { return next }
        if scalars[next] == "\n" || scalars[next] == "\u{0C}" { return next }
        return startsItem(at: next) || isHeading(endingAt: index, next: next) ? next : nil
    }

    /// A short first line of a block, before a line too long for wrapped text, is the heading of what follows.
    private mutating func isHeading(endingAt index: Int, next: Int) -> Bool {
        guard index > start, index - start <= SentenceSegmenter.Limits.headingLine,
            start == 0 && isTextStart || start > 0 && (scalars[start - 1] == "\n" || scalars[start - 1] == "\u{0C}"),
            !",;:،؛-–".unicodeScalars.contains(scalars[index - 1]), !scalars[start..<index].contains("\n")
        else { return false }
        let long = max(SentenceSegmenter.Limits.longLine, (index - start) * 3 / 2)
        var lineEnd = next
        while lineEnd - next < long, isIn(lineEnd), scalars[lineEnd] != "\n" {
            lineEnd += 1
            steps += 1
        }
        return lineEnd - next >= long
    }

    private mutating func startsItem(at index: Int) -> Bool {
        switch scalars[index] {
        case "•", "◦", "▪", "●", "#", "|": return true
        case "-", "*", "–", "+": return isIn(index + 1) && scalars[index + 1] == " "
        case "0"..."9":
            var next = index
            while next - index < 4, isIn(next), ("0"..."9").contains(scalars[next]) { next += 1 }
            guard isIn(next + 1), scalars[next] == "." || scalars[next] == ")" else { return false }
            return scalars[next + 1] == " "
        default: return false
        }
    }

    private mutating func afterClosers(_ first: Int) -> Int {
        if closers.contains(first) { return closers.upperBound }
        var index = first
        while isIn(index) {
            steps += 1
            if isCloser(scalars[index]) {
                index += 1
            } else if isIn(index + 1), scalars[index + 1] == "»", scalars[index] != "\n",
                scalars[index].properties.isWhitespace
            {
                // French typography puts a space before the closing mark.
                index += 2
            } else {
                break
            }
        }
        closers = first..<index
        return index
    }

    /// Past the white space on the same line.
    private mutating func afterGap(_ first: Int) -> Int {
        if gap.contains(first) { return gap.upperBound }
        var index = first
        while isIn(index), scalars[index].properties.isWhitespace, scalars[index] != "\n" {
            index += 1
            steps += 1
        }
        gap = first..<index
        return index
    }

    private func isCloser(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ")", "]", "»", "”", "\"", "’", "'", ".", "!", "?", "؟": true
        default: false
        }
    }
}
