public import Bytes

/// The lengths of nested messages, in the order in which they are met.
///
/// `measure` fills it and `encode` reads it back, so that every length is computed once however deep the nesting. It
/// owns plain memory: an array would be checked for uniqueness and bounds at each of its many small steps.
public struct WireSizes: ~Copyable {
    @usableFromInline
    var lengths: UnsafeMutablePointer<Int>?
    @usableFromInline
    var count = 0
    @usableFromInline
    var capacity = 0

    @inlinable
    public init() {}

    @inlinable
    deinit { lengths?.deallocate() }

    /// A place for the length of a message whose parts are still to be measured.
    @inlinable @inline(__always)
    mutating func reserve() -> Int {
        if count == capacity { grow() }
        count += 1
        return count - 1
    }

    @inlinable @inline(__always)
    func set(_ place: Int, _ length: Int) { lengths.unsafelyUnwrapped[place] = length }

    @inlinable @inline(__always)
    func get(_ place: Int) -> Int {
        assert(place < count)
        return lengths.unsafelyUnwrapped[place]
    }

    @usableFromInline @inline(never)
    mutating func grow() {
        let larger = max(32, capacity * 4)
        let space = UnsafeMutablePointer<Int>.allocate(capacity: larger)
        if let lengths {
            space.moveInitialize(from: lengths, count: count)
            lengths.deallocate()
        }
        lengths = space
        capacity = larger
    }
}

// MARK: - What generated `measure` functions add up

extension WireSizes {
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
        values.withUnsafeBufferPointer { values in
            var size = values.count * tagSize(number)
            eachBorrowed(values) { size += T.size($0, &self) }
            return size
        }
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
            let place = reserve()
            set(place, size)
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
            set(place, entry)
            size += tagSize(number) + Varint.size(UInt64(entry)) + entry
        }
        return size
    }

    /// The size of a nested message with its length in front.
    @inlinable
    mutating func message(_ message: some Message) -> Int {
        let place = reserve()
        let size = message.measure(&self)
        set(place, size)
        return Varint.size(UInt64(size)) + size
    }

    @inlinable @inline(__always)
    func tagSize(_ number: UInt32) -> Int { Varint.size(UInt64(number) << 3) }
}

/// Hands each element to `body` where it lies.
///
/// Iterating an array, or taking an element by its index, copies the element and so retains and releases all that it
/// holds. A type that might not be copyable cannot be, so in here nothing is.
@inlinable @inline(__always)
func eachBorrowed<Element>(_ elements: UnsafeBufferPointer<Element>, _ body: (borrowing Element) -> Void) {
    guard let base = elements.baseAddress else { return }
    eachBorrowed(base, elements.count, body)
}

@inlinable @inline(__always)
func eachBorrowed<Element: ~Copyable>(
    _ base: UnsafePointer<Element>, _ count: Int, _ body: (borrowing Element) -> Void
) {
    for index in 0..<count { body(base[index]) }
}
