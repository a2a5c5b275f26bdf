/// A word in the hands of a stemmer: letters that lose a beginning or an end.
struct StemmedWord {
    private(set) var letters: ArraySlice<Unicode.Scalar>

    init(_ scalars: [Unicode.Scalar]) {
        letters = scalars[...]
    }

    var count: Int { letters.count }
    var last: Unicode.Scalar? { letters.last }
    var scalars: [Unicode.Scalar] { Array(letters) }

    func hasSuffix(_ suffix: Affix) -> Bool {
        letters.count >= suffix.letters.count && letters.suffix(suffix.letters.count).elementsEqual(suffix.letters)
    }

    func hasPrefix(_ prefix: Affix) -> Bool {
        letters.starts(with: prefix.letters)
    }

    /// Takes the suffix away when it is there and at least `leaving` letters stay.
    mutating func strip(suffix: Affix, leaving: Int) -> Bool {
        guard letters.count - suffix.letters.count >= leaving, hasSuffix(suffix) else { return false }
        letters.removeLast(suffix.letters.count)
        return true
    }

    mutating func strip(prefix: Affix, leaving: Int) -> Bool {
        guard letters.count - prefix.letters.count >= leaving, hasPrefix(prefix) else { return false }
        letters.removeFirst(prefix.letters.count)
        return true
    }

    mutating func replace(suffix: Affix, with other: Affix, leaving: Int) -> Bool {
        guard strip(suffix: suffix, leaving: leaving) else { return false }
        letters.append(contentsOf: other.letters)
        return true
    }

    mutating func append(_ letter: Unicode.Scalar) {
        letters.append(letter)
    }

    mutating func dropLast() {
        letters.removeLast()
    }

    /// "professionnell" → "professionnel".
    mutating func undouble() {
        guard letters.count > 2, let last = letters.last, letters.dropLast().last == last else { return }
        guard last.properties.isAlphabetic else { return }
        letters.removeLast()
    }
}

/// A beginning or an end of words, written as a literal.
struct Affix: ExpressibleByStringLiteral, Sendable {
    let letters: [Unicode.Scalar]

    init(stringLiteral value: String) {
        letters = Array(value.unicodeScalars)
    }
}
