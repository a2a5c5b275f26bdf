/// A mark of a citation as models write it: `[2]`, `[1, 2]`, `[١]`, `【3】`.
///
/// What a model marks is a claim: it says where to look for a proof first, and is never shown. The marks that readers
/// see are ours.
enum CitationMark {
    enum Limits {
        /// `[1994]` is a year.
        static let digits = 3
        /// A longer mark is text.
        static let scalars = 24
    }

    enum Reading: Equatable {
        /// No mark begins here.
        case none
        /// What is there may become a mark with what comes.
        case half
        /// The numbers, and where the text goes on.
        case whole(numbers: [Int], end: Int)
    }

    /// What begins at `start`, reading up to `end`.
    static func read(_ scalars: [Unicode.Scalar], at start: Int, to end: Int) -> Reading {
        guard start < end, "[［【".unicodeScalars.contains(scalars[start]) else { return .none }
        var numbers: [Int] = []
        var digits = 0
        var index = start + 1
        while index < end, index - start < Limits.scalars {
            let scalar = scalars[index]
            if let digit = digit(scalar) {
                digits += 1
                guard digits <= Limits.digits else { return .none }
                if digits == 1 {
                    numbers.append(digit)
                } else {
                    numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + digit
                }
            } else if "]］】".unicodeScalars.contains(scalar) {
                return numbers.isEmpty ? .none : .whole(numbers: numbers, end: index + 1)
            } else if separates(scalar) {
                digits = 0
            } else if !scalar.properties.isDefaultIgnorableCodePoint {
                return .none
            }
            index += 1
        }
        return index == end ? .half : .none
    }

    /// The decimal digit of any script.
    private static func digit(_ scalar: Unicode.Scalar) -> Int? {
        guard scalar.properties.numericType == .decimal, let value = scalar.properties.numericValue else { return nil }
        return Int(value)
    }

    private static func separates(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace && scalar != "\n" || ",;-–،؛".unicodeScalars.contains(scalar)
    }
}
