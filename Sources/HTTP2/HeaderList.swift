internal import CNGHTTP2
internal import Glibc

/// Header fields to send: one piece of memory for all of them.
@safe public struct HeaderList: Sendable, Hashable {
    private var bytes: [UInt8] = []
    private var lengths: [Lengths] = []

    private struct Lengths: Sendable, Hashable {
        let name: Int
        let value: Int
    }

    public init() {}

    public init(_ fields: KeyValuePairs<String, String>) {
        for (name, value) in fields { add(name, value) }
    }

    public var count: Int { lengths.count }

    /// The name must be lower case; neither may hold bytes that HTTP/2 forbids (nghttp2 refuses the list otherwise).
    public mutating func add(_ name: String, _ value: String) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: value.utf8)
        lengths.append(Lengths(name: name.utf8.count, value: value.utf8.count))
    }

    public mutating func add(_ name: String, bytes value: some Collection<UInt8>) {
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: value)
        lengths.append(Lengths(name: name.utf8.count, value: value.count))
    }

    /// The fields in nghttp2's form, valid inside `body`; nghttp2 copies what it keeps.
    func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, lengths.count)) { fields in
                guard let base = buffer.baseAddress, let first = fields.baseAddress else { return body(nil, 0) }
                var place = unsafe UnsafeMutablePointer(mutating: base)
                for index in lengths.indices {
                    let length = lengths[index]
                    unsafe (first + index).initialize(
                        to: nghttp2_nv(
                            name: place, value: place + length.name, namelen: length.name, valuelen: length.value,
                            flags: 0))
                    unsafe place += length.name + length.value
                }
                return unsafe body(first, lengths.count)
            }
        }
    }
}

/// The received header fields of the events of one `receive` call: names and values one after the other.
@safe struct HeaderArena {
    private var bytes: [UInt8] = []
    private var fields: [Field] = []
    /// Where the block that is being received began.
    private(set) var blockStart = 0
    private(set) var blockSize = 0

    private struct Field {
        let start: Int
        let nameLength: Int
        let valueLength: Int
    }

    var fieldCount: Int { fields.count }

    mutating func beginBlock() {
        blockStart = fields.count
        blockSize = 0
    }

    mutating func count(_ size: Int) { blockSize += size }

    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        fields.append(Field(start: bytes.count, nameLength: name.count, valueLength: value.count))
        unsafe bytes.append(contentsOf: name)
        unsafe bytes.append(contentsOf: value)
    }

    /// Forgets everything but the block that is still being received.
    mutating func reset(keepingBlock: Bool) {
        guard keepingBlock, blockStart < fields.count else {
            bytes.removeAll(keepingCapacity: true)
            fields.removeAll(keepingCapacity: true)
            blockStart = 0
            return
        }
        let start = fields[blockStart].start
        bytes.removeFirst(start)
        fields = fields[blockStart...].map {
            Field(start: $0.start - start, nameLength: $0.nameLength, valueLength: $0.valueLength)
        }
        blockStart = 0
    }

    func forEach(
        _ range: Range<Int>, _ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) {
        unsafe bytes.withUnsafeBytes { all in
            for field in fields[range] {
                let middle = field.start + field.nameLength
                unsafe body(
                    UnsafeRawBufferPointer(rebasing: all[field.start..<middle]),
                    UnsafeRawBufferPointer(rebasing: all[middle..<middle + field.valueLength]))
            }
        }
    }

    /// A copy of a block without the fields of one name.
    func key(_ range: Range<Int>, without skipped: StaticString) -> HeaderKey {
        var key = HeaderKey()
        unsafe forEach(range) { name, value in
            if unsafe !name.isName(skipped) { unsafe key.add(name, value) }
        }
        return key
    }

    /// Whether a block has the fields of `key`, in order, apart from those of one name.
    func matches(_ range: Range<Int>, _ key: HeaderKey, without skipped: StaticString) -> Bool {
        var index = 0
        var place = 0
        return unsafe bytes.withUnsafeBytes { all in
            unsafe key.bytes.withUnsafeBytes { known in
                for field in fields[range] {
                    let middle = field.start + field.nameLength
                    if field.nameLength == skipped.utf8CodeUnitCount,
                        unsafe UnsafeRawBufferPointer(rebasing: all[field.start..<middle]).isName(skipped)
                    {
                        continue
                    }
                    let size = field.nameLength + field.valueLength
                    guard index < key.nameLengths.count, key.nameLengths[index] == field.nameLength,
                        key.valueLengths[index] == field.valueLength,
                        let left = all.baseAddress, let right = known.baseAddress,
                        unsafe memcmp(left + field.start, right + place, size) == 0
                    else { return false }
                    index += 1
                    place += size
                }
                return index == key.nameLengths.count
            }
        }
    }
}

/// The fields of one header list, kept to recognise an equal one.
public struct HeaderKey: Sendable {
    fileprivate(set) var bytes: [UInt8] = []
    fileprivate(set) var nameLengths: [Int] = []
    fileprivate(set) var valueLengths: [Int] = []

    public var count: Int { nameLengths.count }

    fileprivate mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        unsafe bytes.append(contentsOf: name)
        unsafe bytes.append(contentsOf: value)
        nameLengths.append(name.count)
        valueLengths.append(value.count)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func isName(_ name: StaticString) -> Bool {
        guard count == name.utf8CodeUnitCount, let base = baseAddress else { return false }
        return unsafe memcmp(base, name.utf8Start, count) == 0
    }
}
