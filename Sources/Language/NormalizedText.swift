/// A text in the one spelling that index and query share, with the way back to the original.
///
/// Lower case, without accents, vowel marks, tatweel and invisible characters; one alef, one ya, one ha; ASCII
/// digits; presentation forms and ligatures spelled out. Words are not stemmed here.
public struct NormalizedText: Sendable, Hashable {
    public let scalars: [Unicode.Scalar]
    /// For each normalised scalar, the original scalar that it came from. Never decreasing.
    public let origins: [Int]

    public init(_ text: ScalarText) {
        self.init(text, range: 0..<text.count)
    }

    /// Normalises a part of the text; the origins count from the start of the whole text.
    public init(_ text: ScalarText, range: Range<Int>) {
        let table = FoldingTable.shared
        var scalars: [Unicode.Scalar] = []
        var origins: [Int] = []
        scalars.reserveCapacity(range.count)
        origins.reserveCapacity(range.count)
        for index in range {
            table.fold(text.scalars[index], into: &scalars)
            while origins.count < scalars.count { origins.append(index) }
        }
        self.scalars = scalars
        self.origins = origins
    }

    public init(_ text: some StringProtocol) {
        self.init(ScalarText(text))
    }

    public var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    /// The part of the original that a range of normalised scalars came from.
    public func originalRange(_ range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else {
            let at = range.lowerBound < origins.count ? origins[range.lowerBound] : (origins.last.map { $0 + 1 } ?? 0)
            return at..<at
        }
        return origins[range.lowerBound]..<(origins[range.upperBound - 1] + 1)
    }
}
