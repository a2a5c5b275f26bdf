public import Bytes

/// How a field's value is laid out, the low three bits of a tag.
public enum WireType: UInt32, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// A tag: field number and wire type.
@inlinable @inline(__always)
func wireTag(_ number: UInt32, _ type: WireType) -> UInt64 {
    UInt64(number << 3 | type.rawValue)
}

/// The lengths of nested messages, in the order in which they are met.
///
/// `measure` fills it and `encode` reads it back, so that every length is computed once however deep the nesting.
public struct WireSizes {
    @usableFromInline
    var lengths: [Int] = []

    @inlinable
    public init() {}

    // MARK: What generated `measure` functions add up

    /// A field without presence: nothing when it has its default value.
    @inlinable @inline(__always)
    public mutating func singular<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value) -> Int {
        T.isDefault(value) ? 0 : always(type, number, value)
    }

    /// A field that is written whatever its value: the member of a oneof.
    @inlinable @inline(__always)
    public mutating func always<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value) -> Int {
        tagSize(number) + T.size(value, &self)
    }

    @inlinable @inline(__always)
    public mutating func optional<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value?) -> Int {
        guard let value else { return 0 }
        return always(type, number, value)
    }

    /// A repeated field, one tag an element.
    @inlinable
    public mutating func repeated<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ values: [T.Value]) -> Int {
        var size = values.count * tagSize(number)
        for value in values { size += T.size(value, &self) }
        return size
    }

    /// A repeated field of scalars, one tag and length for all.
    @inlinable
    public mutating func packed<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ values: [T.Value]) -> Int {
        if values.isEmpty { return 0 }
        var size = 0
        if let width = T.fixedWidth {
            size = values.count * width
        } else {
            for value in values { size += T.size(value, &self) }
            lengths.append(size)
        }
        return tagSize(number) + Varint.size(UInt64(size)) + size
    }

    @inlinable
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ key: K.Type, _ value: V.Type, _ number: UInt32, _ entries: [K.Value: V.Value]
    ) -> Int {
        if entries.isEmpty { return 0 }
        var size = 0
        for (key, value) in entries {
            let place = reserve()
            let entry = always(K.self, 1, key) + always(V.self, 2, value)
            lengths[place] = entry
            size += tagSize(number) + Varint.size(UInt64(entry)) + entry
        }
        return size
    }

    /// A place for the length of a message whose parts are still to be measured.
    @inlinable
    mutating func reserve() -> Int {
        lengths.append(0)
        return lengths.count - 1
    }

    /// The size of a nested message with its length in front.
    @inlinable
    mutating func message(_ message: some Message) -> Int {
        let place = reserve()
        let size = message.measure(&self)
        lengths[place] = size
        return Varint.size(UInt64(size)) + size
    }

    @inlinable @inline(__always)
    func tagSize(_ number: UInt32) -> Int { Varint.size(UInt64(number) << 3) }
}
