internal import CNGHTTP2

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
                guard let base = buffer.baseAddress, let first = fields.baseAddress else { return unsafe body(nil, 0) }
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

    /// All names and values of a block in one piece: equal pieces with equal lengths are equal blocks.
    func withBlock<R>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        unsafe bytes.withUnsafeBytes { all in
            guard let first = fields[range].first, let last = fields[range].last else {
                return unsafe body(UnsafeRawBufferPointer(start: nil, count: 0))
            }
            let end = last.start + last.nameLength + last.valueLength
            return unsafe body(UnsafeRawBufferPointer(rebasing: all[first.start..<end]))
        }
    }
}
