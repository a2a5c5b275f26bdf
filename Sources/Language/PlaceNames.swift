/// Countries and cities that a text names, in whichever of the three languages.
///
/// A question about Norway is not answered by a passage about Switzerland, however alike the two read.
public enum PlaceNames {
    /// Numbers of the places; the same place has one number in every language.
    public static func places(in text: String) -> Set<Int> {
        let tokens = Tokenizer.tokens(in: NormalizedText(text)).map(\.scalars)
        var found: Set<Int> = []
        for index in tokens.indices {
            if let number = place(tokens[index...]) { found.insert(number) }
        }
        return found
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

    private static func place(_ words: ArraySlice<[Unicode.Scalar]>) -> Int? {
        guard let first = words.first else { return nil }
        for start in starts(of: first) {
            for (rest, number) in names[start] ?? [] where words.dropFirst().starts(with: rest) { return number }
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
