internal import Bytes
internal import Language

/// A sentence of a passage that may answer a question.
struct CandidateSentence: Sendable {
    /// Index of its passage among those read.
    let passage: Int
    /// In the passage's content, in Unicode scalars. Exactly what is quoted.
    let range: Range<Int>
    let text: String
    /// The titles above it: a sentence of a document on Swiss taxes says neither "Swiss" nor "tax" again.
    let context: String
    /// All readings of its words.
    let lexemes: Set<String>
    /// All readings of the words of its titles.
    let contextLexemes: Set<String>
    /// Numbers in it, as the index writes them.
    let numbers: Set<String>
    /// All readings of the words within two of a number: what it counts stands there.
    let besideNumbers: Set<String>
    /// It holds a number, in digits or written out.
    let hasFigure: Bool
    /// The kinds of figures that it holds.
    let kinds: Set<AnswerKind>
    /// It asks something, or it is a heading: it says what comes, but answers nothing.
    let isLeadIn: Bool
    /// The place before it in its passage, when there is one.
    let previous: Int?

    private enum Limits {
        static let shortest = 15
        static let longest = 700
        static let passages = 8
        static let sentences = 64
        /// Words between a number and what it counts: "26 of the Swiss cantons".
        static let besideNumber = 3
    }

    /// The sentences of the best passages, each place once, although neighbouring chunks share sentences.
    static func all(in passages: [Passage]) -> [CandidateSentence] {
        var sentences: [CandidateSentence] = []
        var seen: Set<Place> = []
        for (index, passage) in passages.prefix(Limits.passages).enumerated() {
            let text = ScalarText(passage.content)
            let context = PassageContext(passage)
            let language = LanguageCode(rawValue: passage.language) ?? .undetermined
            var previous: Int?
            let found = SentenceSegmenter.sentences(in: text)
            for sentence in found {
                let range = withoutMarks(sentence, in: text)
                guard sentences.count < Limits.sentences, !range.isEmpty else { continue }
                let place = Place(document: passage.document, start: passage.start + Int64(range.lowerBound))
                guard seen.insert(place).inserted else { continue }
                let isHeading = sentence.lowerBound != range.lowerBound && text.scalars[sentence.lowerBound] == "#"
                sentences.append(
                    make(
                        text, range, index, language, context, isHeading: isHeading, isAlone: found.count == 1,
                        previous: previous))
                previous = sentences.count - 1
            }
        }
        return sentences
    }

    private struct Place: Hashable {
        let document: UUID128
        let start: Int64
    }

    private static func make(
        _ text: ScalarText, _ range: Range<Int>, _ passage: Int, _ language: LanguageCode,
        _ context: PassageContext, isHeading: Bool, isAlone: Bool, previous: Int?
    ) -> CandidateSentence {
        var lexemes: Set<String> = []
        var numbers: Set<String> = []
        let terms = LexicalAnalyzer.terms(in: text, range: range, language: language)
        for term in terms {
            for lexeme in term.lexemes { lexemes.insert(lexeme.text) }
            if let first = term.lexemes.first?.text, isDigits(first) { numbers.insert(first) }
        }
        let hasFigure = !numbers.isEmpty || lexemes.contains(where: QuestionCues.isNumber)
        return CandidateSentence(
            passage: passage, range: range, text: text[range], context: context.text, lexemes: lexemes,
            contextLexemes: context.lexemes, numbers: numbers, besideNumbers: besideNumbers(terms),
            hasFigure: hasFigure,
            kinds: AnswerKind.held(in: text[range], hasFigure: hasFigure),
            isLeadIn: isHeading || isLeadIn(text, range, isAlone: isAlone), previous: previous)
    }

    private static func isDigits(_ lexeme: String) -> Bool {
        lexeme.unicodeScalars.first.map { (0x30...0x39).contains($0.value) } ?? false
    }

    private static func besideNumbers(_ terms: [Term]) -> Set<String> {
        var beside: Set<String> = []
        for (index, term) in terms.enumerated() {
            guard let main = term.lexemes.first?.text, isDigits(main) || QuestionCues.isNumber(main) else { continue }
            for other in terms[max(0, index - 2)...min(terms.count - 1, index + 2)]
            where abs(other.position - term.position) <= Limits.besideNumber {
                for lexeme in other.lexemes { beside.insert(lexeme.text) }
            }
        }
        return beside
    }

    /// A question, a heading, a list's first line, a fragment. What stands alone in its passage leads in to nothing: a
    /// note of one line is what its document says.
    private static func isLeadIn(_ text: ScalarText, _ range: Range<Int>, isAlone: Bool) -> Bool {
        guard range.count <= Limits.longest, let last = text.scalars[range].last else { return true }
        if "?؟:".unicodeScalars.contains(last) { return true }
        if isAlone || isRow(text.scalars[range]) { return false }
        return range.count < Limits.shortest
            || range.count < 80 && !".!…»”\"؛;۔|".unicodeScalars.contains(last)
                && !text.scalars[range].contains { $0.properties.numericType != nil }
    }

    /// A row of a table, in which each value stands with its column's name: `Produit: orge | Origine: Biskra`.
    private static func isRow(_ scalars: ArraySlice<Unicode.Scalar>) -> Bool {
        zip(scalars, scalars.dropFirst()).contains { $0 == ":" && $1 == " " }
            && zip(scalars, scalars.dropFirst()).contains { $0 == "|" && $1 == " " }
    }

    /// "- ", "3. ", "> " and "## " in front are not part of the sentence.
    private static func withoutMarks(_ range: Range<Int>, in text: ScalarText) -> Range<Int> {
        var start = range.lowerBound
        while start < range.upperBound, "-*•◦▪●>#–|+ ".unicodeScalars.contains(text.scalars[start]) { start += 1 }
        var digits = start
        while digits < range.upperBound, digits - start < 3, ("0"..."9").contains(text.scalars[digits]) { digits += 1 }
        if digits > start, digits + 1 < range.upperBound, ".)".unicodeScalars.contains(text.scalars[digits]),
            text.scalars[digits + 1] == " "
        {
            start = digits + 1
        }
        return text.trimmed(start..<range.upperBound)
    }
}

/// The title of a passage's document and the headings above it.
private struct PassageContext {
    let text: String
    let lexemes: Set<String>

    init(_ passage: Passage) {
        let path =
            passage.titlePath.hasPrefix(passage.title) || passage.titlePath.isEmpty
            ? passage.titlePath : "\(passage.title) › \(passage.titlePath)"
        text = path.isEmpty ? passage.title : path
        let language = LanguageCode(rawValue: passage.language) ?? .undetermined
        lexemes = Set(
            LexicalAnalyzer.terms(in: ScalarText(text), language: language).flatMap { $0.lexemes.map(\.text) })
    }
}
