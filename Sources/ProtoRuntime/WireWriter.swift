public import Bytes

/// Writes a message into memory of exactly the measured size.
///
/// A writer is made by `Message.wireBytes()` and its relatives only: they measure first, so nothing here checks for
/// room. (A debug build asserts it.)
public struct WireWriter {
    @usableFromInline
    var cursor: UnsafeMutableRawPointer
    @usableFromInline
    let end: UnsafeMutableRawPointer
    /// The plan's memory, which outlives the writer.
    @usableFromInline
    var nextLength: UnsafeMutablePointer<Int>?

    @inlinable
    init(_ start: UnsafeMutableRawPointer, count: Int, sizes: borrowing WireSizes) {
        cursor = start
        end = start + count
        nextLength = sizes.lengths
    }

    // MARK: What generated `encode` functions call

    /// A field without presence: nothing when it has its default value.
    @inlinable @inline(__always)
    public mutating func singular<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value) {
        if !T.isDefault(value) { always(type, number, value) }
    }

    /// A field that is written whatever its value: the member of a oneof.
    @inlinable @inline(__always)
    public mutating func always<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value) {
        varint(wireTag(number, T.wireType))
        T.write(value, &self)
    }

    @inlinable @inline(__always)
    public mutating func optional<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ value: T.Value?) {
        if let value { always(type, number, value) }
    }

    /// A repeated field, one tag an element.
    @inlinable
    public mutating func repeated<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ values: [T.Value]) {
        values.withUnsafeBufferPointer { values in
            eachBorrowed(values) { always(type, number, $0) }
        }
    }

    /// A repeated field of scalars, one tag and length for all.
    @inlinable
    public mutating func packed<T: ProtoType>(_ type: T.Type, _ number: UInt32, _ values: [T.Value]) {
        if values.isEmpty { return }
        varint(wireTag(number, .lengthDelimited))
        guard let width = T.fixedWidth else {
            varint(UInt64(takeLength()))
            for value in values { T.write(value, &self) }
            return
        }
        varint(UInt64(values.count * width))
        #if _endian(little)
            // In memory the elements stand as they do on the wire.
            values.withUnsafeBytes { raw($0) }
        #else
            for value in values { T.write(value, &self) }
        #endif
    }

    @inlinable
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ key: K.Type, _ value: V.Type, _ number: UInt32, _ entries: [K.Value: V.Value]
    ) {
        for (key, value) in entries {
            varint(wireTag(number, .lengthDelimited))
            varint(UInt64(takeLength()))
            always(K.self, 1, key)
            always(V.self, 2, value)
        }
    }

    public mutating func unknown(_ fields: UnknownFields) {
        if !fields.isEmpty { fields.bytes.withUnsafeBytes { raw($0) } }
    }

    // MARK: Pieces

    @inlinable @inline(__always)
    mutating func varint(_ value: UInt64) {
        assert(end - cursor >= Varint.size(value))
        cursor = Varint.write(value, to: cursor)
    }

    @inlinable @inline(__always)
    mutating func fixed<V: FixedWidthInteger>(_ value: V) {
        assert(end - cursor >= MemoryLayout<V>.size)
        cursor.storeBytes(of: value.littleEndian, as: V.self)
        cursor += MemoryLayout<V>.size
    }

    @inlinable @inline(__always)
    mutating func raw(_ bytes: UnsafeRawBufferPointer) {
        assert(end - cursor >= bytes.count)
        if let base = bytes.baseAddress {
            cursor.copyMemory(from: base, byteCount: bytes.count)
            cursor += bytes.count
        }
    }

    @inlinable @inline(__always)
    mutating func takeLength() -> Int {
        let place = nextLength.unsafelyUnwrapped
        nextLength = place + 1
        return place.pointee
    }
}
