internal import Bytes

/// Reads a message's fields from memory that outlives the reader.
public struct WireReader {
    /// How deep messages may nest: 100, as in the other implementations.
    public static let maximumDepth = 100

    @usableFromInline
    var cursor: UnsafeRawPointer
    @usableFromInline
    var end: UnsafeRawPointer
    /// Where the tag that was read last begins.
    @usableFromInline
    var tagStart: UnsafeRawPointer
    @usableFromInline
    var depthLeft = WireReader.maximumDepth

    @inlinable
    public init(_ buffer: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; the one made up here is never read.
        cursor = buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 8).unsafelyUnwrapped
        end = cursor + buffer.count
        tagStart = cursor
    }

    // MARK: What generated `decode` functions call

    /// The next field's tag, number and wire type together; nil at the end of the message.
    @inlinable @inline(__always)
    public mutating func nextTag() throws(WireError) -> UInt32? {
        if cursor == end { return nil }
        tagStart = cursor
        let tag = try varint()
        // Field number 0, a number that is too large, or wire types 6 and 7.
        if tag < 8 || tag > UInt64(UInt32.max) || tag & 7 > 5 { throw WireError(.malformedTag) }
        return UInt32(truncatingIfNeeded: tag)
    }

    @inlinable @inline(__always)
    public mutating func singular<T: ProtoType>(_ type: T.Type, _ value: inout T.Value) throws(WireError) {
        try T.merge(&self, &value)
    }

    @inlinable
    public mutating func optional<T: ProtoType>(_ type: T.Type, _ value: inout T.Value?) throws(WireError) {
        var merged = value.take() ?? T.defaultValue
        try T.merge(&self, &merged)
        value = merged
    }

    /// One element of a repeated field.
    @inlinable @inline(__always)
    public mutating func repeated<T: ProtoType>(_ type: T.Type, _ values: inout [T.Value]) throws(WireError) {
        if T.wireType == .lengthDelimited && values.isEmpty { values.reserveCapacity(countRun()) }
        values.append(try T.read(&self))
    }

    /// A packed run of a repeated field's elements.
    @inlinable
    public mutating func packed<T: ProtoType>(_ type: T.Type, _ values: inout [T.Value]) throws(WireError) {
        let length = try self.length()
        if let width = T.fixedWidth {
            if length % width != 0 { throw WireError(.badPackedLength) }
            appendFixed(length, width, &values)
            return
        }
        let outer = end
        end = cursor + length
        values.reserveCapacity(values.count + countVarints())
        while cursor < end { values.append(try T.read(&self)) }
        end = outer
    }

    /// One entry of a map.
    @inlinable
    public mutating func map<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ entries: inout [K.Value: V.Value]
    ) throws(WireError) {
        // A new dictionary of the right size: to reserve space in an old one costs ten times as much.
        if entries.isEmpty { entries = Dictionary(minimumCapacity: countRun()) }
        let outer = try enter()
        let start = cursor
        // Nearly always an entry is its key and its value, in this order and nothing else.
        if try nextTag() == 8 | K.wireType.rawValue {
            let key = try K.read(&self)
            if try nextTag() == 16 | V.wireType.rawValue {
                let value = try V.read(&self)
                if cursor == end {
                    leave(outer)
                    entries[key] = value
                    return
                }
            }
        }
        cursor = start
        try oddEntry(keyType, valueType, &entries)
        leave(outer)
    }

    /// An entry that lacks one of its fields, has one twice, or more than them.
    @usableFromInline @inline(never)
    mutating func oddEntry<K: ProtoMapKey, V: ProtoType>(
        _ keyType: K.Type, _ valueType: V.Type, _ entries: inout [K.Value: V.Value]
    ) throws(WireError) {
        var key = K.defaultValue
        var value = V.defaultValue
        while let tag = try nextTag() {
            switch tag {
            case 8 | K.wireType.rawValue: try K.merge(&self, &key)
            case 16 | V.wireType.rawValue: try V.merge(&self, &value)
            default: try skip(tag)
            }
        }
        entries[key] = value
    }

    /// A value that stands alone or is merged into what a oneof already holds.
    @inlinable
    public mutating func value<T: ProtoType>(
        _ type: T.Type, merging old: T.Value? = nil
    ) throws(WireError) -> T.Value {
        var value = old ?? T.defaultValue
        try T.merge(&self, &value)
        return value
    }

    /// Keeps the field whose tag was just read.
    public mutating func unknown(_ tag: UInt32, _ fields: inout UnknownFields) throws(WireError) {
        let start = cursor
        try skip(tag)
        withUnsafeTemporaryAllocation(byteCount: Varint.maximumLength, alignment: 1) { space in
            guard let base = space.baseAddress else { return }
            let length = Varint.write(UInt64(tag), to: base) - base
            fields.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(space)[..<length]))
        }
        fields.append(UnsafeRawBufferPointer(start: start, count: cursor - start))
    }

    // MARK: Nesting

    /// Enters a nested message: reads its length and ends the reader there. Hand the result to `leave`.
    @inlinable @inline(__always)
    mutating func enter() throws(WireError) -> UnsafeRawPointer {
        let length = try self.length()
        if depthLeft == 1 { throw WireError(.tooDeep) }
        depthLeft -= 1
        let outer = end
        end = cursor + length
        return outer
    }

    @inlinable @inline(__always)
    mutating func leave(_ outer: UnsafeRawPointer) {
        depthLeft += 1
        end = outer
    }
}

// MARK: - Pieces

extension WireReader {
    @inlinable @inline(__always)
    mutating func varint() throws(WireError) -> UInt64 {
        if cursor < end {
            let byte = cursor.load(as: UInt8.self)
            if byte < 0x80 {
                cursor += 1
                return UInt64(byte)
            }
        }
        return try longVarint()
    }

    @usableFromInline @inline(never)
    mutating func longVarint() throws(WireError) -> UInt64 {
        let available = end - cursor
        let count = min(available, Varint.maximumLength)
        var value: UInt64 = 0
        var index = 0
        while index < count {
            let byte = cursor.load(fromByteOffset: index, as: UInt8.self)
            value |= UInt64(byte & 0x7F) &<< UInt64(truncatingIfNeeded: 7 &* index)
            index &+= 1
            if byte < 0x80 {
                cursor += index
                return value
            }
        }
        throw WireError(available >= Varint.maximumLength ? .malformedVarint : .truncated)
    }

    /// A length that fits in what is left, so that no allocation follows a lie.
    @inlinable @inline(__always)
    mutating func length() throws(WireError) -> Int {
        let length = try varint()
        if length > UInt64(end - cursor) { throw WireError(.truncated) }
        return Int(length)
    }

    @inlinable @inline(__always)
    mutating func fixed<V: FixedWidthInteger>(_ type: V.Type) throws(WireError) -> V {
        if end - cursor < MemoryLayout<V>.size { throw WireError(.truncated) }
        let value = V(littleEndian: cursor.loadUnaligned(as: V.self))
        cursor += MemoryLayout<V>.size
        return value
    }

    /// The bytes of a length-delimited field, in place.
    @inlinable @inline(__always)
    mutating func span() throws(WireError) -> UnsafeRawBufferPointer {
        let length = try self.length()
        let bytes = UnsafeRawBufferPointer(start: cursor, count: length)
        cursor += length
        return bytes
    }

    /// The integers up to the end: each has exactly one byte below 0x80.
    @inlinable
    func countVarints() -> Int {
        var count = 0
        var place = cursor
        while place < end {
            count += Int(~place.load(as: UInt8.self) >> 7)
            place += 1
        }
        return count
    }

    @inlinable
    mutating func appendFixed<V>(_ length: Int, _ width: Int, _ values: inout [V]) {
        let count = length / width
        if count == 0 { return }
        let source = cursor
        cursor += length
        let bytes = UnsafeRawBufferPointer(start: source, count: length)
        #if !_endian(little)
            #error("packed fields are copied as they stand: a big-endian machine needs a swap here")
        #endif
        if length <= 1024 {
            // Copied to an aligned place first: this way of making an array is the quickest for few elements.
            withUnsafeTemporaryAllocation(of: V.self, capacity: count) { space in
                UnsafeMutableRawBufferPointer(space).copyMemory(from: bytes)
                let elements = UnsafeBufferPointer(space)
                if values.isEmpty { values = Array(elements) } else { values.append(contentsOf: elements) }
            }
            return
        }
        let added = [V](unsafeUninitializedCapacity: count) { space, initialized in
            UnsafeMutableRawBufferPointer(space).copyMemory(from: bytes)
            initialized = count
        }
        if values.isEmpty { values = added } else { values.append(contentsOf: added) }
    }

    /// How many length-delimited fields of the tag just read follow each other from here, this one included: room is
    /// made once for all of them. What is counted is there, so a lie reserves nothing; at most 4,096.
    @usableFromInline
    func countRun() -> Int {
        let width = cursor - tagStart
        guard width <= 2 else { return 1 }
        func tag(_ place: UnsafeRawPointer) -> UInt16 {
            width == 1 ? UInt16(place.load(as: UInt8.self)) : place.loadUnaligned(as: UInt16.self)
        }
        let first = tag(tagStart)
        var place = cursor
        var count = 0
        while count < 4096 {
            var length = 0
            var shift = 0
            while place < end, shift <= 28 {
                let part = place.load(as: UInt8.self)
                place += 1
                length |= Int(part & 0x7F) &<< shift
                if part < 0x80 { break }
                shift &+= 7
            }
            guard length <= end - place else { break }
            place += length
            count &+= 1
            guard end - place >= width, tag(place) == first else { break }
            place += width
        }
        return count
    }

    /// Passes over the field whose tag was just read.
    @usableFromInline
    mutating func skip(_ tag: UInt32) throws(WireError) {
        switch WireType(rawValue: tag & 7) {
        case .varint: _ = try varint()
        case .fixed64: _ = try fixed(UInt64.self)
        case .fixed32: _ = try fixed(UInt32.self)
        case .lengthDelimited: _ = try span()
        case .startGroup:
            if depthLeft == 1 { throw WireError(.tooDeep) }
            depthLeft -= 1
            let close = tag & ~7 | WireType.endGroup.rawValue
            while true {
                guard let inner = try nextTag() else { throw WireError(.unbalancedGroup) }
                if inner == close { break }
                try skip(inner)
            }
            depthLeft += 1
        case .endGroup, nil: throw WireError(.unbalancedGroup)
        }
    }
}
