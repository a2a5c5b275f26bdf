internal import Bytes

/// Reads the JSON form of messages from memory that outlives the reader.
public struct JSONReader {
    /// How deep objects and arrays may nest.
    public static let maximumDepth = 100

    private let start: UnsafeRawPointer
    let count: Int
    var place = 0
    var depth = 0
    /// The next object is an `Any`, whose "@type" stands among the message's own fields.
    var passesType = false
    public let options: JSONOptions

    public init(_ input: UnsafeRawBufferPointer, options: JSONOptions = .defaults) {
        // An empty buffer may have no address; the one made up here is never read.
        start = input.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        count = input.count
        self.options = options
    }

    /// The byte at `index`, which is below `count`.
    @inline(__always)
    subscript(index: Int) -> UInt8 { start.load(fromByteOffset: index, as: UInt8.self) }

    /// Eight bytes from `index`; all of them are below `count`.
    @inline(__always)
    func word(at index: Int) -> UInt64 {
        UInt64(littleEndian: start.loadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    @inline(__always)
    func bytes(_ first: Int, _ past: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start + first, count: past - first)
    }

    // MARK: What generated `decodeJSON` functions call

    /// Enters a message's object.
    public mutating func beginObject(_ fields: JSONFields) throws(JSONError) -> JSONObject {
        try open(UInt8(ascii: "{"), "an object")
        let object = JSONObject(fields, passesType: passesType)
        passesType = false
        return object
    }

    /// The number of the next known field, whose value is to be read next; nil after the closing brace.
    ///
    /// A field whose value is `null` counts as absent.
    public mutating func nextField(_ object: inout JSONObject) throws(JSONError) -> UInt32? {
        while try nextElement(UInt8(ascii: "}"), &object.isFirst) {
            let start = place
            let found = try fieldIndex(object)
            try expect(UInt8(ascii: ":"), "\":\" after a name")
            guard let index = found else {
                try passUnknown(nameAt: start, passesType: object.passesType)
                continue
            }
            let field = object.table.entries[index]
            object.expected = index &+ 1
            let isNull = try peek() == UInt8(ascii: "n") && !field.acceptsNull
            if isNull {
                try null()
                if field.isMember { continue }
            }
            if !object.seen.insert(field.slot) {
                let what = field.isMember ? "is in a oneof of which another field is given" : "is given twice"
                throw JSONError(.duplicateField, "\"\(object.table.name(index))\" \(what)", offset: start)
            }
            if !isNull { return field.number }
        }
        return nil
    }

    @inlinable
    public mutating func singular<T: ProtoType>(_ type: T.Type, _ value: inout T.Value) throws(JSONError) {
        if let read = try T.readJSON(&self) { value = read }
    }

    @inlinable
    public mutating func optional<T: ProtoType>(_ type: T.Type, _ value: inout T.Value?) throws(JSONError) {
        if let read = try T.readJSON(&self) { value = read }
    }

    /// The value of a oneof's member; nil for one that is to be passed over.
    @inlinable
    public mutating func value<T: ProtoType>(_ type: T.Type) throws(JSONError) -> T.Value? { try T.readJSON(&self) }

    @inlinable
    public mutating func repeated<T: ProtoType>(_ type: T.Type, _ values: inout [T.Value]) throws(JSONError) {
        try open(UInt8(ascii: "["), "an array")
        var isFirst = true
        while try nextElement(UInt8(ascii: "]"), &isFirst) {
            if !T.acceptsNull { try refuseNull("an array has no null elements") }
            if let read = try T.readJSON(&self) { values.append(read) }
        }
    }

    @inlinable
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ entries: inout [K.Value: V.Value]
    ) throws(JSONError) {
        try open(UInt8(ascii: "{"), "an object")
        var isFirst = true
        var read: [K.Value: V.Value] = [:]
        while try nextElement(UInt8(ascii: "}"), &isFirst) {
            let text = try string()
            guard let key = K.value(ofJSONKey: text) else { throw badKey(text) }
            try expect(UInt8(ascii: ":"), "\":\" after a key")
            if !V.acceptsNull { try refuseNull("a map has no null values") }
            guard let value = try V.readJSON(&self) else { continue }
            if case .some = read.updateValue(value, forKey: key) { throw repeatedKey(text) }
        }
        if entries.isEmpty { entries = read } else { entries.merge(read) { $1 } }
    }

    /// Checks that nothing but white space follows.
    public mutating func finish() throws(JSONError) {
        skipSpace()
        if place < count { throw error(.syntax, "nothing may follow the value") }
    }
}

// MARK: - Structure

extension JSONReader {
    func error(_ code: JSONError.Code, _ message: String) -> JSONError { JSONError(code, message, offset: place) }

    mutating func skipSpace() {
        while place < count {
            switch self[place] {
            case 0x20, 0x0A, 0x0D, 0x09: place += 1
            default: return
            }
        }
    }

    /// The first byte of what comes next.
    @inline(__always)
    mutating func peek() throws(JSONError) -> UInt8 {
        if place < count {
            let byte = self[place]
            if byte > 0x20 { return byte }
        }
        return try peekPastSpace()
    }

    @inline(never)
    private mutating func peekPastSpace() throws(JSONError) -> UInt8 {
        skipSpace()
        guard place < count else { throw error(.syntax, "the text ends too early") }
        return self[place]
    }

    @usableFromInline
    mutating func refuseNull(_ message: StaticString) throws(JSONError) {
        if try peek() == UInt8(ascii: "n") { throw error(.wrongType, "\(message)") }
    }

    @usableFromInline @inline(never)
    func badKey(_ text: String) -> JSONError { error(.invalidValue, "\"\(text)\" is no key of this map") }

    @usableFromInline @inline(never)
    func repeatedKey(_ text: String) -> JSONError { error(.duplicateField, "the key \"\(text)\" is given twice") }

    @usableFromInline
    mutating func expect(_ byte: UInt8, _ what: StaticString) throws(JSONError) {
        guard try peek() == byte else { throw error(.syntax, "expected \(what)") }
        place += 1
    }

    @usableFromInline
    mutating func open(_ bracket: UInt8, _ what: StaticString) throws(JSONError) {
        guard try peek() == bracket else { throw error(.wrongType, "expected \(what)") }
        if depth == Self.maximumDepth { throw error(.tooDeep, "nested deeper than \(Self.maximumDepth)") }
        place += 1
        depth += 1
    }

    /// Steps to the next element, past the comma; false after the closing bracket.
    @usableFromInline
    mutating func nextElement(_ close: UInt8, _ isFirst: inout Bool) throws(JSONError) -> Bool {
        let byte = try peek()
        if byte == close {
            place += 1
            depth -= 1
            return false
        }
        if isFirst {
            isFirst = false
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw error(.syntax, "expected \",\" or a closing bracket") }
        place += 1
        if try peek() == close { throw error(.syntax, "no comma stands before a closing bracket") }
        return true
    }

    mutating func null() throws(JSONError) {
        guard try word("null") else { throw error(.syntax, "expected a value") }
    }

    /// Passes over `text` if it comes next.
    mutating func word(_ text: StaticString) throws(JSONError) -> Bool {
        _ = try peek()
        let length = text.utf8CodeUnitCount
        guard count - place >= length else { return false }
        for index in 0..<length where self[place &+ index] != text.utf8Start[index] { return false }
        place += length
        return true
    }

    private mutating func fieldIndex(_ object: borrowing JSONObject) throws(JSONError) -> Int? {
        let (span, hasEscapes) = try rawString()
        if !hasEscapes { return object.table.index(of: span, expected: object.expected) }
        let name = Array(try unescape(span).utf8)
        return name.withUnsafeBytes { object.table.index(of: $0, expected: object.expected) }
    }

    private mutating func passUnknown(nameAt start: Int, passesType: Bool) throws(JSONError) {
        let value = place
        place = start
        let name = try string()
        place = value
        if !(passesType && name == "@type") && !options.ignoreUnknownFields {
            throw JSONError(.unknownField, "there is no field \"\(name)\"", offset: start)
        }
        try skipValue()
    }

    /// Passes over any value, checking that it is JSON.
    mutating func skipValue() throws(JSONError) {
        switch try peek() {
        case UInt8(ascii: "{"):
            try open(UInt8(ascii: "{"), "an object")
            var isFirst = true
            while try nextElement(UInt8(ascii: "}"), &isFirst) {
                _ = try string()
                try expect(UInt8(ascii: ":"), "\":\" after a name")
                try skipValue()
            }
        case UInt8(ascii: "["):
            try open(UInt8(ascii: "["), "an array")
            var isFirst = true
            while try nextElement(UInt8(ascii: "]"), &isFirst) { try skipValue() }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"), UInt8(ascii: "f"): _ = try bool()
        case UInt8(ascii: "n"): try null()
        default: try skipNumber()
        }
    }
}
