internal import CNGHTTP2
internal import Glibc

/// One received header field: nghttp2's own counted strings, shared with its HPACK table.
///
/// Whoever keeps a field retains it, and releases it once.
@safe struct HeaderField: BitwiseCopyable {
    let name: OpaquePointer
    let value: OpaquePointer

    func retain() {
        unsafe nghttp2_rcbuf_incref(name)
        unsafe nghttp2_rcbuf_incref(value)
    }

    func release() {
        unsafe nghttp2_rcbuf_decref(name)
        unsafe nghttp2_rcbuf_decref(value)
    }

    var nameBytes: UnsafeRawBufferPointer { unsafe Self.bytes(name) }
    var valueBytes: UnsafeRawBufferPointer { unsafe Self.bytes(value) }

    /// As HTTP/2 counts it.
    var size: Int { unsafe nameBytes.count + valueBytes.count + 32 }

    /// The same strings: what HPACK takes from its table twice.
    func isIdentical(to other: HeaderField) -> Bool { unsafe name == other.name && value == other.value }

    func isEqual(to other: HeaderField) -> Bool {
        unsafe Self.equal(nameBytes, other.nameBytes) && Self.equal(valueBytes, other.valueBytes)
    }

    func hasName(_ other: StaticString) -> Bool {
        unsafe Self.equal(nameBytes, UnsafeRawBufferPointer(start: other.utf8Start, count: other.utf8CodeUnitCount))
    }

    private static func bytes(_ string: OpaquePointer) -> UnsafeRawBufferPointer {
        let piece = unsafe nghttp2_rcbuf_get_buf(string)
        return unsafe UnsafeRawBufferPointer(start: piece.base, count: piece.len)
    }

    private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard unsafe left.count == right.count else { return false }
        guard let a = unsafe left.baseAddress, let b = unsafe right.baseAddress else { return true }
        return unsafe memcmp(a, b, left.count) == 0
    }
}

/// The received header fields of the events that are not handled yet, one block after the other.
struct HeaderArena: ~Copyable {
    private(set) var fields: [HeaderField] = []
    /// Where the block that is being received began.
    private(set) var blockStart = 0
    /// Its size as HTTP/2 counts it.
    private(set) var blockSize = 0

    deinit { for field in fields { field.release() } }

    /// The fields of the block that is being received, or was received last.
    var block: Range<Int> { blockStart..<fields.count }

    mutating func beginBlock() {
        blockStart = fields.count
        blockSize = 0
    }

    @inline(__always)
    mutating func count(_ size: Int) { blockSize += size }

    mutating func add(_ field: HeaderField) {
        field.retain()
        fields.append(field)
    }

    /// Forgets everything but the block that is still being received.
    mutating func reset(keepingBlock: Bool) {
        guard !fields.isEmpty else { return }
        let end = keepingBlock ? blockStart : fields.count
        for index in 0..<end { fields[index].release() }
        if end == fields.count { fields.removeAll(keepingCapacity: true) } else { fields.removeFirst(end) }
        blockStart = 0
    }
}

/// A header list that came before, and what its owner made of it.
@safe final class KnownHeaders {
    let fields: UnsafeBufferPointer<HeaderField>
    let meaning: AnyObject
    let size: Int

    init(_ meaning: AnyObject, _ fields: [HeaderField]) {
        self.meaning = meaning
        size = fields.reduce(0) { $0 + $1.size }
        let copy = UnsafeMutableBufferPointer<HeaderField>.allocate(capacity: fields.count)
        for (index, field) in fields.enumerated() {
            field.retain()
            unsafe copy.initializeElement(at: index, to: field)
        }
        unsafe self.fields = unsafe UnsafeBufferPointer(copy)
    }

    deinit {
        for field in unsafe fields { field.release() }
        unsafe fields.deallocate()
    }
}

/// The last few header lists of a connection. HPACK hands out the same strings as long as they are in its table, so
/// a list that repeats is recognised by comparing pointers, without reading or copying it.
///
/// Sans-IO: the session calls `begin`, `take` for every field and `end`.
@safe struct HeaderMemory {
    /// Lists that are kept.
    static let capacity = 4
    /// Larger lists are not kept: what a peer can make a connection hold must stay small.
    static let maximumSize = 4096

    /// Fields of this name may differ from list to list; they never prevent a match.
    var varyingName: StaticString?

    private var known: [KnownHeaders] = []
    private var oldest = 0
    /// What `remember` was given since the last `settle`.
    private var fresh: [KnownHeaders] = []
    /// Which of `known` the list at hand agrees with so far, and its fields.
    private var candidate = 0
    private var fields = unsafe UnsafeBufferPointer<HeaderField>(start: nil, count: 0)
    /// How many of its fields have been seen.
    private var matched = 0
    private var isMatching = false

    subscript(index: Int) -> KnownHeaders { known[index] }

    mutating func begin() {
        isMatching = !known.isEmpty
        matched = 0
        if isMatching { unsafe fields = known[candidate].fields }
    }

    /// Whether the next field is one that the candidate has too.
    @inline(__always)
    mutating func takesIdentical(_ field: HeaderField) -> Bool {
        guard isMatching, matched < fields.count, unsafe fields[matched].isIdentical(to: field) else { return false }
        matched += 1
        return true
    }

    enum Step {
        case matched, varying, unknown
    }

    /// The same for a field whose strings are not the known ones. On `unknown` the caller gets by `giveUp` what it
    /// has not kept.
    mutating func take(_ field: HeaderField) -> Step {
        if let varyingName, field.hasName(varyingName) { return .varying }
        guard isMatching else { return .unknown }
        if matched < fields.count, unsafe fields[matched].isEqual(to: field) {
            matched += 1
            return .matched
        }
        for other in known.indices where other != candidate {
            let others = unsafe known[other].fields
            if others.count > matched, unsafe others[matched].isEqual(to: field),
                (0..<matched).allSatisfy({ unsafe others[$0].isEqual(to: fields[$0]) })
            {
                candidate = other
                unsafe fields = others
                matched += 1
                return .matched
            }
        }
        return .unknown
    }

    /// The list is none of the known ones: the fields that agreed so far.
    mutating func giveUp() -> Slice<UnsafeBufferPointer<HeaderField>> {
        guard isMatching else { return unsafe fields[..<0] }
        isMatching = false
        return unsafe fields[..<matched]
    }

    /// The list is complete: the index of the known one that it equals, or nil.
    func end() -> Int? {
        isMatching && matched == fields.count ? candidate : nil
    }

    mutating func remember(_ headers: KnownHeaders) { fresh.append(headers) }

    /// Nobody refers to an index any more: lists that were remembered in the meantime take their places.
    mutating func settle() {
        guard !fresh.isEmpty else { return }
        for headers in fresh.suffix(Self.capacity) {
            if known.count < Self.capacity {
                known.append(headers)
                candidate = known.count - 1
            } else {
                known[oldest] = headers
                candidate = oldest
                oldest = (oldest + 1) % Self.capacity
            }
        }
        fresh.removeAll()
        isMatching = false
        unsafe fields = UnsafeBufferPointer(start: nil, count: 0)
    }
}
