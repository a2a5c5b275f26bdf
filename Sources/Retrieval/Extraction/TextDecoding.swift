internal import Bytes
internal import Language

/// Turns the bytes of a text file into clean text.
enum TextDecoding {
    /// Refuses UTF-8 text that is too long for a document, without decoding it.
    static func checkLength(_ bytes: [UInt8]) throws(ExtractionError) {
        guard bytes.count > RetrievalLimits.documentCharacters else { return }
        let scalars = bytes.reduce(0) { $1 & 0xC0 == 0x80 ? $0 : $0 + 1 }
        guard scalars <= RetrievalLimits.documentCharacters else { throw ExtractionError(.tooLong) }
    }

    /// UTF-8, with or without a byte order mark, or UTF-16 with one. Anything else is refused: a wrong guess would
    /// store text that nobody can find again.
    static func decode(_ bytes: [UInt8]) throws(ExtractionError) -> String {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return try utf8(bytes[3...]) }
        if bytes.starts(with: [0xFF, 0xFE]) { return try utf16(bytes[2...], bigEndian: false) }
        if bytes.starts(with: [0xFE, 0xFF]) { return try utf16(bytes[2...], bigEndian: true) }
        return try utf8(bytes[...])
    }

    private static func utf8(_ bytes: ArraySlice<UInt8>) throws(ExtractionError) -> String {
        try checkLength(Array(bytes))
        guard let text = String(validating: bytes, as: UTF8.self) else { throw ExtractionError(.unsupportedEncoding) }
        return text
    }

    private static func utf16(_ bytes: ArraySlice<UInt8>, bigEndian: Bool) throws(ExtractionError) -> String {
        guard bytes.count % 2 == 0 else { throw ExtractionError(.unsupportedEncoding) }
        let units = stride(from: bytes.startIndex, to: bytes.endIndex, by: 2).map { index in
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            return bigEndian ? first << 8 | second : second << 8 | first
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw ExtractionError(.unsupportedEncoding) }
        return text
    }

    /// One kind of line end, no NUL and other controls, no marks of direction or without width, Arabic letters in logical order
    /// and not in their shapes; form feeds stay, for the page map.
    static func clean(_ text: String) throws(ExtractionError) -> [Unicode.Scalar] {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var cleaning = TextCleaning()
        for scalar in text.unicodeScalars {
            if let clean = cleaning.clean(scalar) { scalars.append(clean) }
        }
        try cleaning.check()
        return scalars.contains(where: PresentationForms.contains) ? VisualOrder.plain(scalars) : scalars
    }
}

/// Cleans a text scalar by scalar, and judges at its end whether it was one.
struct TextCleaning {
    /// Control characters that are no white space make a file binary from this share of its characters on.
    private static let binaryShare = 0.02

    private var afterReturn = false
    private var controls = 0
    private var kept = 0

    /// What a scalar becomes; nil when it is left out.
    mutating func clean(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        let followsReturn = afterReturn
        afterReturn = scalar == "\r"
        switch scalar.value {
        case 0x0A where followsReturn: return nil
        case 0x0A, 0x0D, 0x0B, 0x85, 0x2028, 0x2029:
            kept += 1
            return "\n"
        case 0x09, 0x0C: break
        case 0..<0x20, 0x7F..<0xA0:
            controls += 1
            return nil
        case 0xFEFF, 0x200B, 0x2060...0x2064, 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x061C: return nil
        default: break
        }
        kept += 1
        return scalar
    }

    func check() throws(ExtractionError) {
        if controls > 8, Double(controls) > Self.binaryShare * Double(kept + controls) {
            throw ExtractionError(.unsupportedType, detail: "\(controls) control characters")
        }
    }
}
