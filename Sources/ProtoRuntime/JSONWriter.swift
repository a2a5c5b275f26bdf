internal import Bytes

/// Writes JSON into one growing piece of memory, which it owns.
public struct JSONWriter: ~Copyable {
    public let options: JSONOptions
    @usableFromInline
    let writesDefaults: Bool
    private var start: UnsafeMutableRawPointer
    private var capacity = 512
    private(set) var count = 0

    public init(options: JSONOptions = .defaults) {
        self.options = options
        writesDefaults = options.writeDefaults
        start = .allocate(byteCount: capacity, alignment: 1)
    }

    deinit { start.deallocate() }

    /// What was written so far.
    public var bytes: [UInt8] { Array(written) }

    /// The same in place, until the next write.
    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }

    // MARK: What generated `encodeJSON` functions call

    public mutating func beginObject() { byte(UInt8(ascii: "{")) }
    public mutating func endObject() { byte(UInt8(ascii: "}")) }

    /// A field without presence: left out when it has its default value.
    @inlinable
    public mutating func singular<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value
    ) throws(JSONError) {
        if writesDefaults || !T.isDefault(value) { try always(type, name, value) }
    }

    @inlinable
    public mutating func always<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value
    ) throws(JSONError) {
        field(name)
        try T.writeJSON(value, &self)
    }

    @inlinable
    public mutating func optional<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ value: T.Value?
    ) throws(JSONError) {
        if let value { try always(type, name, value) }
    }

    @inlinable
    public mutating func repeated<T: ProtoType>(
        _ type: T.Type, _ name: StaticString, _ values: [T.Value]
    ) throws(JSONError) {
        if values.isEmpty && !writesDefaults { return }
        field(name)
        try array(type, values)
    }

    /// Entries are written in the order of their keys, so that equal messages have equal text.
    @inlinable
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ name: StaticString, _ entries: [K.Value: V.Value]
    ) throws(JSONError) {
        if entries.isEmpty && !writesDefaults { return }
        field(name)
        try object(K.self, V.self, entries)
    }

    // MARK: Pieces

    @inlinable
    mutating func array<T: ProtoType>(_ type: T.Type, _ values: [T.Value]) throws(JSONError) {
        byte(UInt8(ascii: "["))
        for index in values.indices {
            separate()
            try T.writeJSON(values[index], &self)
        }
        byte(UInt8(ascii: "]"))
    }

    @inlinable
    mutating func object<K: ProtoMapKey, V: ProtoType>(
        _ key: K.Type, _ value: V.Type, _ entries: [K.Value: V.Value]
    ) throws(JSONError) {
        beginObject()
        var keys: [(text: String, index: [K.Value: V.Value].Index)] = []
        keys.reserveCapacity(entries.count)
        for index in entries.indices { keys.append((K.jsonKey(entries.keys[index]), index)) }
        keys.sort { $0.text < $1.text }
        for (text, index) in keys {
            separate()
            string(text)
            byte(UInt8(ascii: ":"))
            try V.writeJSON(entries.values[index], &self)
        }
        endObject()
    }

    /// The name of the next field, with the comma before it where one is due. `name` is written as it stands.
    @usableFromInline
    mutating func field(_ name: StaticString) {
        separate()
        let length = name.utf8CodeUnitCount
        let place = room(length + 3)
        place.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        (place + 1).copyMemory(from: name.utf8Start, byteCount: length)
        (place + length + 1).storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
        (place + length + 2).storeBytes(of: UInt8(ascii: ":"), as: UInt8.self)
        count += length + 3
    }

    /// Whatever does not follow an opening bracket follows another element.
    @usableFromInline
    mutating func separate() {
        guard count > 0 else { return }
        switch start.load(fromByteOffset: count - 1, as: UInt8.self) {
        case UInt8(ascii: "{"), UInt8(ascii: "["): break
        default: byte(UInt8(ascii: ","))
        }
    }

    @usableFromInline
    mutating func byte(_ byte: UInt8) {
        room(1).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        room(bytes.count).copyMemory(from: base, byteCount: bytes.count)
        count += bytes.count
    }

    mutating func literal(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The place for the next `length` bytes.
    @inline(__always)
    mutating func room(_ length: Int) -> UnsafeMutableRawPointer {
        if capacity - count < length { grow(length) }
        return start + count
    }

    @inline(never)
    private mutating func grow(_ length: Int) {
        capacity = max(capacity * 2, count + length)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
        larger.copyMemory(from: start, byteCount: count)
        start.deallocate()
        start = larger
    }

    /// Gives back what was not used of `room`.
    mutating func advance(_ length: Int) { count += length }
}
