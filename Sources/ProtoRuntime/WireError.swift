/// Why bytes are not a message. Decoding never traps: every malformed input ends here.
public struct WireError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An open set of codes: a new one breaks no caller.
    public struct Code: Hashable, Sendable {
        private enum Raw: UInt8 {
            case truncated, malformedVarint, malformedTag, invalidUTF8, tooDeep, unbalancedGroup, badPackedLength
        }
        private var raw: Raw

        /// The bytes end inside a field, or a length reaches past the end.
        public static let truncated = Code(raw: .truncated)
        /// An integer of more than ten bytes.
        public static let malformedVarint = Code(raw: .malformedVarint)
        /// Field number 0 or above 2^29-1, or a wire type that does not exist.
        public static let malformedTag = Code(raw: .malformedTag)
        /// A string field whose bytes are not UTF-8.
        public static let invalidUTF8 = Code(raw: .invalidUTF8)
        /// Messages nested deeper than `WireReader.maximumDepth`.
        public static let tooDeep = Code(raw: .tooDeep)
        /// The end of a group that was not opened, or a group without its end.
        public static let unbalancedGroup = Code(raw: .unbalancedGroup)
        /// A packed field of fixed-width elements whose length is no multiple of the width.
        public static let badPackedLength = Code(raw: .badPackedLength)

        private init(raw: Raw) { self.raw = raw }
        fileprivate var name: String { "\(raw)" }
    }

    public var code: Code

    public init(_ code: Code) { self.code = code }

    public var description: String { "malformed protobuf message: \(code.name)" }
}
