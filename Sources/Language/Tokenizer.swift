/// A word or a number of a text.
public struct Token: Sendable, Hashable {
    public enum Script: Sendable, Hashable {
        case arabic, latin, other, number
    }

    /// The normalised letters, at most `Tokenizer.Limits.scalarsPerToken`.
    public let scalars: [Unicode.Scalar]
    public let script: Script
    /// Where it stands in the original text, in Unicode scalars.
    public let range: Range<Int>

    public var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}

/// Cuts normalised text into words and numbers.
///
/// An apostrophe or a hyphen ends a word, so that "l'entreprise" gives "l" and "entreprise"; the elided article is
/// a stop word. Letters of another script end a word too. Groups of thousands make one number however they are
/// written ("1 000 000", "1.000.000"), and so does a decimal comma or point.
public enum Tokenizer {
    public enum Limits {
        /// A longer run of letters is no word (base64, for instance); the rest of it is left out of the index.
        public static let scalarsPerToken = 64
    }

    public static func tokens(in text: NormalizedText) -> [Token] {
        var tokens: [Token] = []
        tokens.reserveCapacity(text.scalars.count / 6)
        let scalars = text.scalars
        var index = 0
        while index < scalars.count {
            let script = script(of: scalars[index])
            guard let script else {
                index += 1
                continue
            }
            let start = index
            if script == .number, let end = arabiziEnd(in: scalars, from: index) {
                index = end
                tokens.append(token(scalars[start..<end], .latin, text.originalRange(start..<end)))
            } else if script == .number {
                let (digits, end) = number(in: scalars, from: index)
                index = end
                tokens.append(token(digits, .number, text.originalRange(start..<end)))
            } else {
                index = wordEnd(in: scalars, from: index, script: script)
                tokens.append(token(scalars[start..<index], script, text.originalRange(start..<index)))
            }
        }
        return tokens
    }

    private static func token(
        _ scalars: some Sequence<Unicode.Scalar>, _ script: Token.Script, _ range: Range<Int>
    ) -> Token {
        Token(scalars: Array(scalars.prefix(Limits.scalarsPerToken)), script: script, range: range)
    }

    @inline(__always)
    static func script(of scalar: Unicode.Scalar) -> Token.Script? {
        switch scalar.value {
        case 0x30...0x39: return .number
        case 0x61...0x7A, 0x41...0x5A: return .latin
        case 0..<0x80: return nil
        case 0x0620...0x06D5, 0x06EE...0x06EF, 0x06FA...0x06FF, 0x0750...0x077F:
            return scalar.properties.isAlphabetic ? .arabic : nil
        default:
            guard scalar.properties.isAlphabetic || scalar.properties.numericType != nil else { return nil }
            return scalar.value < 0x0250 ? .latin : .other
        }
    }

    /// Latin words may hold digits ("g50", "covid19"); Arabic ones end at them ("المادة12").
    private static func wordEnd(in scalars: [Unicode.Scalar], from start: Int, script: Token.Script) -> Int {
        var index = start + 1
        while index < scalars.count, let next = self.script(of: scalars[index]) {
            guard next == script || (next == .number && script == .latin) else { break }
            index += 1
        }
        return index
    }

    /// The end of a word of Arabizi that starts with a digit ("3afak", "9anoun"); nil for a number with a unit or an
    /// ordinal ("20 km", "5km", "3rd", "2eme").
    private static func arabiziEnd(in scalars: [Unicode.Scalar], from start: Int) -> Int? {
        guard "235679".unicodeScalars.contains(scalars[start]), start + 2 < scalars.count,
            (0x61...0x7A).contains(scalars[start + 1].value)
        else { return nil }
        if start > 0, ".,'".unicodeScalars.contains(scalars[start - 1]), start > 1,
            (0x30...0x39).contains(scalars[start - 2].value)
        {
            return nil
        }
        let end = wordEnd(in: scalars, from: start + 1, script: .latin)
        guard DarijaWord.hasArabicDigit(Array(scalars[start..<min(end, start + Limits.scalarsPerToken)])),
            !unitsAndOrdinals.contains(Array(scalars[(start + 1)..<min(end, start + 9)]))
        else { return nil }
        return end
    }

    private static let unitsAndOrdinals: Set<[Unicode.Scalar]> = Set(
        """
        nd rd th eme ieme ere er de km kg cm mm mg ml cl kb mb gb tb ko mo go to kw mw kwh am pm min sec ans an mois jours
        jour days day weeks week months month years year hours hour heures heure pour fois bits bit da dz dzd eur chf usd
        euros euro rue bis ter zip com gpp lts
        """.split(whereSeparator: \.isWhitespace).map { Array($0.unicodeScalars) })

    private static func number(in scalars: [Unicode.Scalar], from start: Int) -> ([Unicode.Scalar], Int) {
        var end = digitsEnd(in: scalars, from: start)
        var digits = Array(scalars[start..<end])
        var grouping: Unicode.Scalar?
        if end - start <= 3 {
            while end < scalars.count, isGroupSeparator(scalars[end]), grouping == nil || grouping == scalars[end] {
                let next = digitsEnd(in: scalars, from: end + 1)
                guard next - end - 1 == 3 else { break }
                grouping = scalars[end]
                digits.append(contentsOf: scalars[(end + 1)..<next])
                end = next
            }
        }
        if end < scalars.count, scalars[end] == "." || scalars[end] == ",", scalars[end] != grouping {
            let next = digitsEnd(in: scalars, from: end + 1)
            if next > end + 1 {
                digits.append(".")
                digits.append(contentsOf: scalars[(end + 1)..<next])
                end = next
            }
        }
        return (digits, end)
    }

    private static func digitsEnd(in scalars: [Unicode.Scalar], from start: Int) -> Int {
        var index = start
        while index < scalars.count, (0x30...0x39).contains(scalars[index].value) { index += 1 }
        return index
    }

    private static func isGroupSeparator(_ scalar: Unicode.Scalar) -> Bool {
        scalar == " " || scalar == "." || scalar == "," || scalar == "'"
    }
}
