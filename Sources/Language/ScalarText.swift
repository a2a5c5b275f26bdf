/// A text whose positions are Unicode scalars, so that ranges are integers and slicing is exact.
///
/// Every range that leaves the retrieval room, in citations and in chunks, counts these scalars.
public struct ScalarText: Sendable, Hashable {
    public let scalars: [Unicode.Scalar]

    public init(_ text: some StringProtocol) {
        scalars = Array(text.unicodeScalars)
    }

    public init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    public var count: Int { scalars.count }

    public var string: String { self[0..<scalars.count] }

    /// The text of the range, which must lie within the text.
    public subscript(range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range])
        return String(view)
    }

    /// The range without the white space at either end.
    public func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, scalars[lower].properties.isWhitespace { lower += 1 }
        while upper > lower, scalars[upper - 1].properties.isWhitespace { upper -= 1 }
        return lower..<upper
    }

    /// The length of the range in UTF-16 code units, which JavaScript counts in.
    public func utf16Length(_ range: Range<Int>) -> Int {
        var length = range.count
        for index in range where scalars[index].value > 0xFFFF { length += 1 }
        return length
    }
}
