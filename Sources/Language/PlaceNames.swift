/// Countries and cities that a text names, in whichever of the three languages.
///
/// A question about Norway is not answered by a passage about Switzerland, however alike the two read.
public enum PlaceNames {
    /// Numbers of the places; the same place has one number in every language.
    public static func places(in text: String) -> Set<Int> {
        let tokens = Tokenizer.tokens(in: NormalizedText(text)).map(\.scalars)
        var found: Set<Int> = []
        for index in tokens.indices {
            if let place = place(tokens[index...]) { found.insert(place.number) }
        }
        return found
    }

    /// Where a text names them, in its Unicode scalars.
    public static func ranges(in text: String) -> [Range<Int>] {
        let tokens = Tokenizer.tokens(in: NormalizedText(text))
        let words = tokens.map(\.scalars)
        return tokens.indices.compactMap { index in
            guard let place = place(words[index...]) else { return nil }
            return tokens[index].range.lowerBound..<tokens[index + place.length - 1].range.upperBound
        }
    }

    private static let names: [[Unicode.Scalar]: [(rest: [[Unicode.Scalar]], number: Int)]] = {
        var names: [[Unicode.Scalar]: [(rest: [[Unicode.Scalar]], number: Int)]] = [:]
        for (number, columns) in LexiconData.rows(LexiconData.places).enumerated() {
            for name in columns.flatMap({ $0.split(separator: ",") }) {
                var words = Tokenizer.tokens(in: NormalizedText(name)).map(\.scalars)
                guard !words.isEmpty else { continue }
                words[0] = withoutArticle(words[0])
                names[words[0], default: []].append((Array(words.dropFirst()), number))
            }
        }
        // "الجزائر العاصمة" before "الجزائر".
        return names.mapValues { $0.sorted { $0.rest.count > $1.rest.count } }
    }()

    /// The place that the words begin with, and how many of them name it.
    private static func place(_ words: ArraySlice<[Unicode.Scalar]>) -> (number: Int, length: Int)? {
        guard let first = words.first else { return nil }
        for start in starts(of: first) {
            for (rest, number) in names[start] ?? [] where words.dropFirst().starts(with: rest) {
                return (number, rest.count + 1)
            }
        }
        return nil
    }

    /// The word, and what it is without clitics and article: "والجزائر", "بسويسرا", "السويسرية"; a Latin plural without s.
    private static func starts(of word: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        guard let first = word.first, word.count > 2 else { return [word] }
        guard Tokenizer.script(of: first) == .arabic else {
            return word.last == "s" ? [word, Array(word.dropLast())] : [word]
        }
        var starts = [word, withoutArticle(word)]
        if "وفبكل".unicodeScalars.contains(first) {
            starts.append(Array(word.dropFirst()))
            starts.append(withoutArticle(Array(word.dropFirst())))
            if word.starts(with: ["ل", "ل"]) { starts.append(Array(word.dropFirst(2))) }
        }
        return starts
    }

    private static func withoutArticle(_ word: [Unicode.Scalar]) -> [Unicode.Scalar] {
        word.count > 4 && word.starts(with: ["ا", "ل"]) ? Array(word.dropFirst(2)) : word
    }
}
