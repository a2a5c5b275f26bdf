/// What each code point becomes when text is normalised: nothing, one letter or several.
///
/// Folding looks at one code point at a time, never at its neighbours. That makes the offset map exact, and
/// normalising twice the same as normalising once.
struct FoldingTable: Sendable {
    /// Code points below this are looked up directly; above, only the sparse entries fold.
    private static let directLimit: UInt32 = 0x3000
    private static let drop = Int32(-1)
    private static let several = Int32(-2)

    static let shared = FoldingTable()

    private var direct: [Int32]
    private var sparse: [UInt32: [Unicode.Scalar]] = [:]

    private init() {
        direct = (0..<Int32(Self.directLimit)).map { $0 }
        foldLatin()
        foldArabic()
        lowerCase()
        foldPresentationForms(from: 0xFB50, ArabicPresentationForms.blockA)
        foldPresentationForms(from: 0xFE70, ArabicPresentationForms.blockB)
        dropInvisible()
        unifyPunctuation()
    }

    /// Appends what the code point folds to.
    @inline(__always)
    func fold(_ scalar: Unicode.Scalar, into output: inout [Unicode.Scalar]) {
        let value = scalar.value
        if value < Self.directLimit {
            let target = direct[Int(value)]
            if target >= 0 {
                if let folded = Unicode.Scalar(UInt32(target)) { output.append(folded) }
                return
            }
            if target == Self.drop { return }
        }
        if let folded = sparse[value] {
            output.append(contentsOf: folded)
        } else {
            output.append(scalar)
        }
    }

    private mutating func set(_ source: UInt32, to target: [Unicode.Scalar]) {
        guard source < Self.directLimit else {
            sparse[source] = target
            return
        }
        switch target.count {
        case 0: direct[Int(source)] = Self.drop
        case 1: direct[Int(source)] = Int32(target[0].value)
        default:
            direct[Int(source)] = Self.several
            sparse[source] = target
        }
    }

    /// Must come after the Latin letters, because a lower-case letter may fold further (the Ångström sign).
    private mutating func lowerCase() {
        for value in 0..<Self.directLimit where direct[Int(value)] == Int32(value) {
            guard let scalar = Unicode.Scalar(value), scalar.properties.isUppercase else { continue }
            let lower = Array(scalar.properties.lowercaseMapping.unicodeScalars)
            guard lower.count == 1, lower[0] != scalar else { continue }
            var folded: [Unicode.Scalar] = []
            fold(lower[0], into: &folded)
            set(value, to: folded)
        }
    }

    private mutating func foldLatin() {
        for entry in LatinFolding.table.split(whereSeparator: \.isWhitespace) {
            let parts = entry.split(separator: "=")
            guard parts.count == 2 else { continue }
            for source in parts[1].unicodeScalars { set(source.value, to: Array(parts[0].unicodeScalars)) }
        }
    }

    private mutating func foldArabic() {
        for (target, sources) in ArabicFolding.letters {
            for source in sources { set(source.value, to: [target]) }
        }
        for range in ArabicFolding.dropped {
            for value in range { set(value, to: []) }
        }
        for (offset, digit) in "0123456789".unicodeScalars.enumerated() {
            set(0x0660 + UInt32(offset), to: [digit])
            set(0x06F0 + UInt32(offset), to: [digit])
        }
    }

    /// Must come after the Arabic letters, because the forms fold to letters that fold further.
    private mutating func foldPresentationForms(from start: UInt32, _ block: String) {
        for (offset, word) in block.split(whereSeparator: \.isWhitespace).enumerated() {
            let source = start + UInt32(offset)
            switch word {
            case "-": continue
            case "+": set(source, to: [])
            default:
                var folded: [Unicode.Scalar] = []
                for scalar in word.unicodeScalars { fold(scalar == "_" ? " " : scalar, into: &folded) }
                set(source, to: folded)
            }
        }
    }

    private mutating func dropInvisible() {
        for range in ArabicFolding.invisible {
            for value in range { set(value, to: []) }
        }
    }

    private mutating func unifyPunctuation() {
        for source: Unicode.Scalar in ["\u{2018}", "\u{2019}", "\u{201B}", "\u{02BC}", "\u{2032}", "`", "\u{00B4}"] {
            set(source.value, to: ["'"])
        }
        for source: Unicode.Scalar in ["\u{066B}", "\u{066C}"] { set(source.value, to: ["."]) }
        for value in 0..<Self.directLimit {
            guard let scalar = Unicode.Scalar(value), scalar.properties.isWhitespace else { continue }
            set(value, to: [" "])
        }
    }
}

/// The variants of Arabic letters that writers use for one another, and the marks that do not distinguish words.
enum ArabicFolding {
    static let letters: [(Unicode.Scalar, [Unicode.Scalar])] = [
        ("ا", ["آ", "أ", "إ", "\u{0671}", "\u{0672}", "\u{0673}", "\u{0675}"]),
        ("و", ["ؤ", "\u{0676}"]),
        // Alef maqsura and ya are typed for each other at the end of words, and Persian keyboards give a third ya.
        ("ي", ["ى", "ئ", "\u{06CC}", "\u{06CD}", "\u{0678}"]),
        ("ه", ["ة", "\u{06C0}", "\u{06C1}", "\u{06C2}", "\u{06C3}", "\u{06D5}", "\u{06BE}"]),
        ("ك", ["\u{06A9}", "\u{06AA}"]),
    ]

    /// Honorifics, vowel marks, dagger alef, Quranic signs, and tatweel.
    static let dropped: [ClosedRange<UInt32>] = [
        0x0610...0x061A, 0x0640...0x0640, 0x064B...0x065F, 0x0670...0x0670, 0x06D6...0x06DC, 0x06DF...0x06E8,
        0x06EA...0x06ED,
    ]

    /// Combining accents, soft hyphen, zero-width characters, and controls of direction.
    static let invisible: [ClosedRange<UInt32>] = [
        0x00AD...0x00AD, 0x0300...0x036F, 0x061C...0x061C, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x2064,
        0x2066...0x2069, 0xFE00...0xFE0F, 0xFEFF...0xFEFF,
    ]
}
