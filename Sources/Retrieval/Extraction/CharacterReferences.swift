/// `&eacute;`, `&#233;`, `&#xE9;`.
enum CharacterReferences {
    /// Reads the reference at `index` and moves behind it. What is none stays as it is written.
    static func decode(_ input: [Unicode.Scalar], _ index: inout Int) -> [Unicode.Scalar] {
        let start = index
        var end = start + 1
        while end < input.count, end - start <= 32, input[end] != ";" {
            let value = input[end].value
            guard value < 0x80, input[end].properties.isAlphabetic || (0x30...0x39).contains(value) || value == 0x23
            else { break }
            end += 1
        }
        guard end < input.count, input[end] == ";", end > start + 1 else {
            index = start + 1
            return ["&"]
        }
        var name = String.UnicodeScalarView()
        name.append(contentsOf: input[(start + 1)..<end])
        guard let scalar = scalar(named: String(name)) else {
            index = start + 1
            return ["&"]
        }
        index = end + 1
        return [scalar]
    }

    private static func scalar(named name: String) -> Unicode.Scalar? {
        guard name.hasPrefix("#") else { return named[name] }
        let digits = name.dropFirst()
        let value =
            digits.hasPrefix("x") || digits.hasPrefix("X")
            ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits, radix: 10)
        guard let value, value >= 0x20 || value == 9 || value == 10, let scalar = Unicode.Scalar(value) else {
            return nil
        }
        return scalar
    }

    /// The named references of HTML 4 that texts use: markup, Latin-1 in code point order, and typography.
    private static let named: [String: Unicode.Scalar] = {
        var table: [String: Unicode.Scalar] = [:]
        let latin = """
            nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute \
            micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring \
            AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml \
            times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
            egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash \
            ugrave uacute ucirc uuml yacute thorn yuml
            """
        for (offset, name) in latin.split(separator: " ").enumerated() {
            table[String(name)] = Unicode.Scalar(0xA0 + UInt32(offset))
        }
        let others: [(String, Unicode.Scalar)] = [
            ("amp", "&"), ("lt", "<"), ("gt", ">"), ("quot", "\""), ("apos", "'"), ("ndash", "–"), ("mdash", "—"),
            ("lsquo", "‘"), ("rsquo", "’"), ("sbquo", "‚"), ("ldquo", "“"), ("rdquo", "”"), ("bdquo", "„"),
            ("hellip", "…"), ("bull", "•"), ("euro", "€"), ("trade", "™"), ("oelig", "œ"), ("OElig", "Œ"),
            ("scaron", "š"), ("Scaron", "Š"), ("ensp", "\u{2002}"), ("emsp", "\u{2003}"), ("thinsp", "\u{2009}"),
            ("zwnj", "\u{200C}"), ("zwj", "\u{200D}"), ("larr", "←"), ("uarr", "↑"), ("rarr", "→"), ("darr", "↓"),
            ("minus", "−"), ("le", "≤"), ("ge", "≥"), ("ne", "≠"), ("permil", "‰"), ("dagger", "†"),
        ]
        for (name, scalar) in others { table[name] = scalar }
        return table
    }()
}
