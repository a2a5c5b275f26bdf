internal import Bytes

/// Reads the JSON form of messages from memory that outlives the reader.
public struct JSONReader {
    /// How deep objects and arrays may nest.
    public static let maximumDepth = 100

    let input: UnsafeRawBufferPointer
    var place = 0
    var depth = 0
    /// The next object is an `Any`, whose "@type" stands among the message's own fields.
    var passesType = false
    public let options: JSONOptions

    public init(_ input: UnsafeRawBufferPointer, options: JSONOptions = .defaults) {
        self.input = input
        self.options = options
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
            let field = object.fields.fields[index]
            object.hint = index + 1 < object.fields.fields.count ? index + 1 : 0
            let first = try peek()
            let isNull = !field.acceptsNull && first == UInt8(ascii: "n")
            if isNull { try null() }
            if isNull && field.oneof != nil { continue }
            if !object.seen.insert(object.fields.slots[index]) {
                let name = String(decoding: field.names[0], as: UTF8.self)
                let what = field.oneof == nil ? "is given twice" : "is in a oneof of which another field is given"
                throw JSONError(.duplicateField, "\"\(name)\" \(what)", offset: start)
            }
            if !isNull { return field.number }
        }
        return nil
    }

    public mutating func singular<T: ProtoType>(_ type: T.Type, _ value: inout T.Value) throws(JSONError) {
        if let read = try T.readJSON(&self) { value = read }
    }

    public mutating func optional<T: ProtoType>(_ type: T.Type, _ value: inout T.Value?) throws(JSONError) {
        if let read = try T.readJSON(&self) { value = read }
    }

    /// The value of a oneof's member; nil for one that is to be passed over.
    public mutating func value<T: ProtoType>(_ type: T.Type) throws(JSONError) -> T.Value? { try T.readJSON(&self) }

    public mutating func repeated<T: ProtoType>(_ type: T.Type, _ values: inout [T.Value]) throws(JSONError) {
        try open(UInt8(ascii: "["), "an array")
        var isFirst = true
        while try nextElement(UInt8(ascii: "]"), &isFirst) {
            if !T.acceptsNull, try peek() == UInt8(ascii: "n") {
                throw error(.wrongType, "an array has no null elements")
            }
            if let read = try T.readJSON(&self) { values.append(read) }
        }
    }

    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ entries: inout [K.Value: V.Value]
    ) throws(JSONError) {
        try open(UInt8(ascii: "{"), "an object")
        var isFirst = true
        var seen: Set<K.Value> = []
        while try nextElement(UInt8(ascii: "}"), &isFirst) {
            let text = try string()
            guard let key = K.value(ofJSONKey: text) else {
                throw error(.invalidValue, "\"\(text)\" is no key of this map")
            }
            guard seen.insert(key).inserted else { throw error(.duplicateField, "the key \"\(text)\" is given twice") }
            try expect(UInt8(ascii: ":"), "\":\" after a key")
            if !V.acceptsNull, try peek() == UInt8(ascii: "n") { throw error(.wrongType, "a map has no null values") }
            if let value = try V.readJSON(&self) { entries[key] = value }
        }
    }

    /// Checks that nothing but white space follows.
    public mutating func finish() throws(JSONError) {
        skipSpace()
        if place < input.count { throw error(.syntax, "nothing may follow the value") }
    }
}

// MARK: - Structure

extension JSONReader {
    func error(_ code: JSONError.Code, _ message: String) -> JSONError { JSONError(code, message, offset: place) }

    mutating func skipSpace() {
        while place < input.count {
            switch input[place] {
            case 0x20, 0x0A, 0x0D, 0x09: place += 1
            default: return
            }
        }
    }

    /// The first byte of what comes next.
    mutating func peek() throws(JSONError) -> UInt8 {
        skipSpace()
        guard place < input.count else { throw error(.syntax, "the text ends too early") }
        return input[place]
    }

    mutating func expect(_ byte: UInt8, _ what: String) throws(JSONError) {
        guard try peek() == byte else { throw error(.syntax, "expected \(what)") }
        place += 1
    }

    mutating func open(_ bracket: UInt8, _ what: String) throws(JSONError) {
        guard try peek() == bracket else { throw error(.wrongType, "expected \(what)") }
        if depth == Self.maximumDepth { throw error(.tooDeep, "nested deeper than \(Self.maximumDepth)") }
        place += 1
        depth += 1
    }

    /// Steps to the next element, past the comma; false after the closing bracket.
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
        let count = text.utf8CodeUnitCount
        guard input.count - place >= count else { return false }
        let here = UnsafeRawBufferPointer(rebasing: input[place..<(place + count)])
        guard text.withUTF8Buffer({ $0.elementsEqual(here) }) else { return false }
        place += count
        return true
    }

    private mutating func fieldIndex(_ object: JSONObject) throws(JSONError) -> Int? {
        let (span, hasEscapes) = try rawString()
        if !hasEscapes { return object.fields.index(of: span, from: object.hint) }
        let name = Array(try unescape(span).utf8)
        return name.withUnsafeBytes { object.fields.index(of: $0, from: object.hint) }
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
        default: _ = try numberToken()
        }
    }
}
