/// Finds the entry of a word as people write it: with article, prepositions, persons, pronouns and negation attached.
enum DarijaWord {
    enum Limits {
        /// What remains of a word without its attachments has at least as many letters.
        static let letters = 3
        /// Longer words are not taken apart.
        static let scalars = 24
    }

    /// The entry of a word in Latin letters: as it is written, else by its sound, else by its consonants.
    static func latin(_ word: [Unicode.Scalar]) -> DarijaLexicon.Entry? {
        let lexicon = DarijaLexicon.shared
        if let entry = lexicon.entry(exactly: word[...]) ?? lexicon.entry(soundingLike: word[...]) { return entry }
        guard word.count <= Limits.scalars else { return nil }
        let parts = stems(of: word, latinPrefixes, latinSuffixes, latinNegations)
        for part in parts {
            if let entry = lexicon.entry(exactly: part) { return entry }
        }
        for part in parts {
            if let entry = lexicon.entry(soundingLike: part) { return entry }
        }
        return lexicon.entry(withConsonantsOf: word[...])
            ?? parts.lazy.compactMap { lexicon.entry(withConsonantsOf: $0) }.first
    }

    /// A word in Latin letters that is one of the lexicon by spelling or sound, attachments taken off.
    static func sounds(like word: [Unicode.Scalar]) -> Bool {
        let lexicon = DarijaLexicon.shared
        guard word.count > Limits.letters, word.count <= Limits.scalars else { return false }
        return lexicon.entry(soundingLike: word[...]) != nil
            || stems(of: word, latinPrefixes, latinSuffixes, latinNegations).contains {
                $0.count > Limits.letters && lexicon.entry(soundingLike: $0) != nil
            }
    }

    /// The entry of a word in Arabic letters.
    static func arabic(_ word: [Unicode.Scalar]) -> DarijaLexicon.Entry? {
        let lexicon = DarijaLexicon.shared
        if let entry = lexicon.entry(exactly: word[...]) { return entry }
        guard word.count <= Limits.scalars else { return nil }
        return stems(of: word, arabicPrefixes, arabicSuffixes, arabicNegations).lazy
            .compactMap { lexicon.entry(exactly: $0) }.first
    }

    /// A word in Arabic letters that only Darija has, or that is negated the way only Darija negates.
    static func isTelling(arabic word: [Unicode.Scalar]) -> Bool {
        let lexicon = DarijaLexicon.shared
        if lexicon.isTelling(word[...]) || withoutNegation(word[...], arabicNegations, leaving: 3) != nil {
            return true
        }
        guard word.count <= Limits.scalars else { return false }
        return tellingPrefixes.contains { prefix in
            word.starts(with: prefix.letters) && lexicon.isTelling(word.dropFirst(prefix.letters.count))
        }
    }

    /// Digits inside a word of Latin letters that stand for Arabic ones: "3afak", "ch7al", "lma9la".
    static func hasArabicDigit(_ word: [Unicode.Scalar]) -> Bool {
        guard word.count >= Limits.letters else { return false }
        var digits = 0
        var letters = 0
        for scalar in word {
            if "235679".unicodeScalars.contains(scalar) {
                digits += 1
            } else if (0x30...0x39).contains(scalar.value) {
                return false
            } else {
                letters += 1
            }
        }
        // "g50", "covid19", "mp3": a digit at the end of consonants, or two in a row, is a number.
        guard digits > 0, letters >= 2, let last = word.last, let before = word.dropLast().last else { return false }
        let lastIsDigit = (0x30...0x39).contains(last.value)
        return !lastIsDigit || (word.count >= 4 && "aeiou".unicodeScalars.contains(before))
    }

    /// ما…ش around a verb.
    static func withoutNegation(_ word: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        withoutNegation(word[...], arabicNegations, leaving: Limits.letters).map(Array.init)
    }

    private static func withoutNegation(
        _ word: ArraySlice<Unicode.Scalar>, _ negations: [(Affix, Affix)], leaving: Int
    ) -> ArraySlice<Unicode.Scalar>? {
        for (before, after) in negations
        where word.count >= before.letters.count + after.letters.count + leaving
            && word.starts(with: before.letters) && word.suffix(after.letters.count).elementsEqual(after.letters)
        {
            return word.dropFirst(before.letters.count).dropLast(after.letters.count)
        }
        return nil
    }

    /// What the word may be without attachments, the least taken off first.
    private static func stems(
        of word: [Unicode.Scalar], _ prefixes: [Affix], _ suffixes: [Affix], _ negations: [(Affix, Affix)]
    ) -> [ArraySlice<Unicode.Scalar>] {
        var wholes = [word[...]]
        if let inner = withoutNegation(word[...], negations, leaving: Limits.letters) { wholes.insert(inner, at: 0) }
        var stems: [ArraySlice<Unicode.Scalar>] = wholes.first?.count == word.count ? [] : [wholes[0]]
        for whole in wholes {
            let tails = without(suffixes, whole)
            stems += tails
            for prefix in prefixes where whole.count - prefix.letters.count >= Limits.letters {
                guard whole.starts(with: prefix.letters) else { continue }
                let rest = whole.dropFirst(prefix.letters.count)
                stems.append(rest)
                stems += without(suffixes, rest)
            }
        }
        return stems
    }

    private static func without(
        _ suffixes: [Affix], _ word: ArraySlice<Unicode.Scalar>
    ) -> [ArraySlice<Unicode.Scalar>] {
        suffixes.compactMap { suffix in
            guard word.count - suffix.letters.count >= Limits.letters,
                word.suffix(suffix.letters.count).elementsEqual(suffix.letters)
            else { return nil }
            return word.dropLast(suffix.letters.count)
        }
    }

    private static let latinPrefixes: [Affix] = [
        "l", "el", "al", "il", "n", "t", "y", "i", "w", "wel", "wl", "ou", "b", "bel", "bl", "bi", "f", "fel", "fl",
        "fi",
        "lel", "ll", "li", "ne", "te", "ye", "na", "ta", "ya", "ni", "ti", "yi", "me", "m", "s", "d", "r", "ch",
    ]
    private static let latinSuffixes: [Affix] = [
        "ek", "ak", "ik", "ok", "k", "ni", "ha", "hom", "houm", "kom", "koum", "na", "ou", "ouh", "o", "u", "w", "h",
        "i",
        "li", "lek", "lou", "lha", "lna", "lhom", "lkom", "t", "at", "et", "it", "in", "ine", "yin", "iya", "ya", "a",
        "e", "s", "ti", "tek", "tou", "tha", "tna", "tkom", "thom",
    ]
    private static let latinNegations: [(Affix, Affix)] = [("ma", "ch"), ("ma", "sh"), ("ma", "che"), ("m", "ch")]

    private static let arabicPrefixes: [Affix] = [
        "ال", "لل", "بال", "وال", "فال", "هال", "عال", "ل", "ب", "ف", "و", "ن", "ت", "ي", "ك", "م", "د",
    ]
    private static let arabicSuffixes: [Affix] = [
        "ك", "كم", "ني", "نا", "ها", "هم", "و", "ه", "وه", "ي", "لي", "لك", "لو", "لها", "لنا", "لهم", "ات", "ين", "ت",
        "وا", "تي", "تك", "تو", "تها", "تنا", "ش", "تش", "وش", "يش", "هاش", "كش", "نيش",
    ]
    private static let arabicNegations: [(Affix, Affix)] = [("ما", "ش"), ("م", "وش")]
    private static let tellingPrefixes: [Affix] = ["ال", "و", "ف", "ب", "ل", "بال", "وال", "لل"]
}
