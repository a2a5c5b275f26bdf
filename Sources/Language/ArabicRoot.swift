/// The consonants that Arabic words of one family share: سجل, تسجيل, مسجل and سجلات are all of س ج ل.
///
/// Light stemming keeps the pattern that a verb, its noun and its participles differ in; a question asks with one of them and
/// the text answers with another. Roots bring together what only sounds alike too (حكم is rule and ruling), so that they
/// are one more, weak reading of a word and never its stem.
enum ArabicRoot {
    private static let alef: Unicode.Scalar = "ا"
    private static let waw: Unicode.Scalar = "و"
    private static let ya: Unicode.Scalar = "ي"
    private static let ta: Unicode.Scalar = "ت"
    private static let nun: Unicode.Scalar = "ن"
    private static let mim: Unicode.Scalar = "م"
    private static let sin: Unicode.Scalar = "س"
    private static let ha: Unicode.Scalar = "ه"
    /// The longest stem that a pattern of three consonants gives.
    private static let longest = 8

    /// The three consonants of a stem; nil when its letters fit no pattern.
    static func root(of stem: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard (2...longest).contains(stem.count), var root = consonants(of: stem[...]) else { return nil }
        // معفي, أعفى and إعفاء end in different letters of one weak consonant.
        if let last = root.last, last == alef || last == waw { root[root.count - 1] = ya }
        // قام, يقوم and يقيم have one weak consonant in the middle.
        if root.count == 3, root[1] == alef || root[1] == ya { root[1] = waw }
        return root
    }

    private static func consonants(of word: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar]? {
        let letters = Array(word)
        switch letters.count {
        // A doubled consonant is written once: حق, and استحقاق of the same root.
        case 2: return [letters[0], letters[1], letters[1]]
        case 3: return letters
        case 4: return four(letters)
        case 5: return five(letters) ?? shortened(letters)
        case 6: return six(letters) ?? shortened(letters)
        case 7:
            if opensTen(letters), letters[5] == alef { return without(letters, 0, 1, 2, 5) }
            return shortened(letters)
        default: return shortened(letters)
        }
    }

    private static func four(_ word: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        if word[1] == alef { return without(word, 1) }
        if word[0] == mim { return without(word, 0) }
        // يجوز, تعوض: the person in front, and a weak consonant. تراب is a noun.
        if word[0] == ya && isLong(word[2]) || word[0] == ta && (word[2] == waw || word[2] == ya) {
            return without(word, 0)
        }
        if isLong(word[2]) { return without(word, 2) }
        if isPrefix(word[0]) { return without(word, 0) }
        return shortened(word)
    }

    private static func five(_ word: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        // مستحق: the doubled consonant once.
        if opensTen(word) { return [word[3], word[4], word[4]] }
        if isPrefix(word[0]) {
            if word[2] == ta, word[0] != ta || !isLong(word[3]) { return without(word, 0, 2) }
            if word[1] == nun, word[0] != ta { return without(word, 0, 1) }
            if word[1] == ta, word[0] != alef { return without(word, 0, 1) }
            if isLong(word[3]) { return without(word, 0, 3) }
            if word[2] == alef { return without(word, 0, 2) }
        }
        if word[1] == waw, word[2] == alef { return without(word, 1, 2) }
        if word[1] == alef, isLong(word[3]) { return without(word, 1, 3) }
        if word[2] == alef, word[3] == ya { return without(word, 2, 3) }
        return nil
    }

    private static func six(_ word: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        if opensTen(word) { return word[4] == alef ? nil : without(word, 0, 1, 2) }
        guard isPrefix(word[0]) else { return nil }
        if word[0] == alef, word[4] == alef {
            if word[2] == ta { return without(word, 0, 2, 4) }
            if word[1] == nun { return without(word, 0, 1, 4) }
        }
        if word[1] == ta, word[3] == alef { return without(word, 0, 1, 3) }
        if word[2] == alef, isLong(word[4]) { return without(word, 0, 2, 4) }
        return nil
    }

    /// Without an ending that the stemmer left, or the letter of a person in front.
    private static func shortened(_ word: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard let first = word.first, let last = word.last, word.count > 3 else { return nil }
        if isLong(last) || last == ha || last == nun && word.dropLast().last == alef {
            return consonants(of: word.dropLast(last == nun ? 2 : 1))
        }
        return word.count > 4 && isPrefix(first) ? consonants(of: word.dropFirst()) : nil
    }

    /// است, مست, يست: what the tenth form begins with.
    private static func opensTen(_ word: [Unicode.Scalar]) -> Bool {
        isPrefix(word[0]) && word[1] == sin && word[2] == ta
    }

    private static func isLong(_ letter: Unicode.Scalar) -> Bool { letter == alef || letter == waw || letter == ya }

    private static func isPrefix(_ letter: Unicode.Scalar) -> Bool {
        letter == mim || letter == ta || letter == ya || letter == nun || letter == alef
    }

    private static func without(_ word: [Unicode.Scalar], _ places: Int...) -> [Unicode.Scalar] {
        word.indices.filter { !places.contains($0) }.map { word[$0] }
    }
}
