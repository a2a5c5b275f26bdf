/// The plain letters of Arabic presentation forms.
public enum PresentationForms {
    private static let table: [UInt32: [Unicode.Scalar]] = {
        var table: [UInt32: [Unicode.Scalar]] = [:]
        for (start, block) in [
            (UInt32(0xFB50), ArabicPresentationForms.blockA), (0xFE70, ArabicPresentationForms.blockB),
        ] {
            for (offset, word) in block.split(whereSeparator: \.isWhitespace).enumerated() {
                // Marks alone, and what stays as it is.
                if word == "+" || word == "-" { continue }
                table[start + UInt32(offset)] = word.unicodeScalars.map { $0 == "_" ? " " : $0 }
            }
        }
        return table
    }()

    /// Whether the code point is in one of the two blocks.
    @inline(__always)
    public static func contains(_ scalar: Unicode.Scalar) -> Bool {
        (0xFB50...0xFDFF).contains(scalar.value) || (0xFE70...0xFEFC).contains(scalar.value)
    }

    /// The letters that the form stands for, in logical order; nil when it is none, or a mark.
    public static func letters(of scalar: Unicode.Scalar) -> [Unicode.Scalar]? {
        contains(scalar) ? table[scalar.value] : nil
    }
}
