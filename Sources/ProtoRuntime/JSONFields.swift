/// The fields of one message as JSON names them: a table that generated code builds once.
public struct JSONFields: Sendable {
    public struct Field: Sendable {
        let number: UInt32
        /// Both names are read: lowerCamelCase and the one in the .proto file.
        let names: [[UInt8]]
        /// Members of one oneof share it: only one of them may be given.
        let oneof: Int?
        let acceptsNull: Bool

        public init(
            _ number: UInt32, _ name: String, _ original: String? = nil, oneof: Int? = nil, acceptsNull: Bool = false
        ) {
            self.number = number
            names = [Array(name.utf8)] + (original.map { [Array($0.utf8)] } ?? [])
            self.oneof = oneof
            self.acceptsNull = acceptsNull
        }
    }

    let table: JSONFieldTable

    public init(_ fields: [Field]) { table = JSONFieldTable(fields) }
}

/// The fields laid out to be found by the bytes of a name: first the field that is expected next, then by hash.
final class JSONFieldTable: Sendable {
    struct Entry {
        let number: UInt32
        /// The bit that says "given"; members of a oneof have one together.
        let slot: Int
        let isMember: Bool
        let acceptsNull: Bool
        /// Its first name: the one that JSON is written with.
        let name: Name
    }

    struct Name {
        let offset: Int
        let count: Int
        let field: Int
    }

    let entries: [Entry]
    private let names: [Name]
    private let bytes: [UInt8]
    /// Indices of `names`, -1 where there is none; a power of two, at most half full.
    private let buckets: [Int]

    init(_ fields: [JSONFields.Field]) {
        var entries: [Entry] = []
        var names: [Name] = []
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            let first = names.count
            for name in field.names {
                names.append(Name(offset: bytes.count, count: name.count, field: index))
                bytes += name
            }
            entries.append(
                Entry(
                    number: field.number, slot: field.oneof.map { fields.count + $0 } ?? index,
                    isMember: field.oneof != nil, acceptsNull: field.acceptsNull, name: names[first]))
        }
        var size = 4
        while size < 2 * names.count { size *= 2 }
        var buckets = [Int](repeating: -1, count: size)
        for (index, name) in names.enumerated() {
            let hash = bytes[name.offset..<(name.offset + name.count)].withUnsafeBytes { Self.hash($0) }
            var bucket = hash & (size - 1)
            while buckets[bucket] >= 0 { bucket = (bucket + 1) & (size - 1) }
            buckets[bucket] = index
        }
        self.entries = entries
        self.names = names
        self.bytes = bytes
        self.buckets = buckets
    }

    /// The index of the field with this name; `expected` is looked at first, as fields mostly come in order.
    func index(of name: UnsafeRawBufferPointer, expected: Int) -> Int? {
        bytes.withUnsafeBytes { bytes in
            func isSame(_ entry: Name) -> Bool {
                entry.count == name.count
                    && bytes[entry.offset..<(entry.offset &+ entry.count)].elementsEqual(name)
            }
            if expected < entries.count && isSame(entries[expected].name) { return expected }
            var bucket = Self.hash(name) & (buckets.count - 1)
            while buckets[bucket] >= 0 {
                let entry = names[buckets[bucket]]
                if isSame(entry) { return entry.field }
                bucket = (bucket + 1) & (buckets.count - 1)
            }
            return nil
        }
    }

    /// The names are ours and fixed, so nobody can make them collide: a multiplication is enough.
    private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
        var hash = UInt64(name.count)
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: (hash ^ hash >> 29) & 0x7FFF_FFFF)
    }

    func name(_ index: Int) -> String {
        let name = entries[index].name
        return String(decoding: bytes[name.offset..<(name.offset + name.count)], as: UTF8.self)
    }
}

/// Where a reader stands within one JSON object.
public struct JSONObject {
    let table: JSONFieldTable
    var isFirst = true
    var expected = 0
    var seen = SeenSlots()

    /// The object is an `Any`: "@type" is no unknown field.
    let passesType: Bool

    init(_ fields: JSONFields, passesType: Bool) {
        table = fields.table
        self.passesType = passesType
    }
}

/// A set of small numbers; the first 64 cost no allocation.
struct SeenSlots {
    private var low: UInt64 = 0
    private var high: Set<Int> = []

    /// Whether `slot` is new.
    mutating func insert(_ slot: Int) -> Bool {
        if slot >= 64 { return high.insert(slot).inserted }
        let bit = UInt64(1) &<< UInt64(slot)
        let isNew = low & bit == 0
        low |= bit
        return isNew
    }
}
