/// Why text is not the JSON form of a message, or a message has none.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An open set of codes: a new one breaks no caller.
    public struct Code: Hashable, Sendable {
        private enum Raw: UInt8 {
            case syntax, tooDeep, invalidUTF8, wrongType, outOfRange, unknownField, duplicateField, unknownEnumValue
            case invalidValue, unknownType
        }
        private var raw: Raw

        /// Not JSON at all, or something after its end.
        public static let syntax = Code(raw: .syntax)
        /// Nested deeper than `JSONReader.maximumDepth`.
        public static let tooDeep = Code(raw: .tooDeep)
        public static let invalidUTF8 = Code(raw: .invalidUTF8)
        /// A value of another type than the field's: a string for a message, an object for a number.
        public static let wrongType = Code(raw: .wrongType)
        /// A number that does not fit, or a fraction for an integer.
        public static let outOfRange = Code(raw: .outOfRange)
        public static let unknownField = Code(raw: .unknownField)
        /// A field given twice, or two members of one oneof.
        public static let duplicateField = Code(raw: .duplicateField)
        public static let unknownEnumValue = Code(raw: .unknownEnumValue)
        /// Text that is no base64, timestamp, duration or field mask; a message value that JSON cannot express.
        public static let invalidValue = Code(raw: .invalidValue)
        /// An `Any` whose type is not in `JSONOptions.types`.
        public static let unknownType = Code(raw: .unknownType)

        private init(raw: Raw) { self.raw = raw }
        fileprivate var name: String { "\(raw)" }
    }

    public var code: Code
    /// What was expected, for the person who wrote the JSON; names the field where one is known.
    public var message: String
    /// The byte at which reading stopped; nil when the error is in writing.
    public var offset: Int?

    public init(_ code: Code, _ message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    public var description: String {
        guard let offset else { return "\(code.name): \(message)" }
        return "\(code.name) at byte \(offset): \(message)"
    }
}

/// How messages become JSON and back.
public struct JSONOptions: Sendable {
    /// Pass over fields (and names of enum values) that a message does not know, instead of refusing them.
    public var ignoreUnknownFields = false
    /// Write fields without presence even when they have their default value.
    public var writeDefaults = false
    /// The messages that an `Any` may hold, by full name. The well-known types are always there.
    public var types: [String: any Message.Type] = [:]

    /// Unknown fields are refused, defaults left out, `Any` holds only well-known types.
    public static var defaults: JSONOptions { JSONOptions() }

    public init() {}

    /// Adds the messages that an `Any` may hold.
    public mutating func register(_ messages: [any Message.Type]) {
        for type in messages { types[type.protoMessageName] = type }
    }
}
