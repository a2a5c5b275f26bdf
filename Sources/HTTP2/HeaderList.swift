internal import CNGHTTP2

/// Header fields to send: one piece of memory for all of them.
public struct HeaderList: Sendable {
    private var storage: Storage

    public init() { storage = Storage() }

    public init(_ fields: KeyValuePairs<String, String>) {
        storage = Storage()
        for (name, value) in fields { add(name, value) }
    }

    public var count: Int { storage.lengths.count }

    /// The name must be lower case; neither may hold bytes that HTTP/2 forbids (nghttp2 refuses the list otherwise).
    public mutating func add(_ name: String, _ value: String) { add(name, bytes: value.utf8) }

    public mutating func add(_ name: String, bytes value: some Collection<UInt8>) {
        if !isKnownUniquelyReferenced(&storage) || storage.isKept { storage = Storage(copying: storage) }
        storage.bytes.append(contentsOf: name.utf8)
        storage.bytes.append(contentsOf: value)
        storage.lengths.append(Storage.Lengths(name: name.utf8.count, value: value.count))
    }

    /// The same list, in memory that is never given back, so that nghttp2 need not copy it. For constants.
    public func kept() -> HeaderList {
        let list = HeaderList()
        list.storage.keep(storage)
        return list
    }

    /// The fields in nghttp2's form, valid inside `body`; nghttp2 copies what it keeps.
    @inline(__always)
    func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
        if let kept = unsafe storage.kept { return unsafe body(kept.baseAddress, kept.count) }
        return unsafe storage.withFields(body)
    }

    /// Unchecked: changed only while one list holds it; what is kept is never changed again.
    @safe private final class Storage: @unchecked Sendable {
        var bytes: [UInt8] = []
        var lengths: [Lengths] = []
        /// The fields in nghttp2's form, with strings that nghttp2 may point into for ever.
        private(set) var kept: UnsafeBufferPointer<nghttp2_nv>?

        struct Lengths {
            let name: Int
            let value: Int
        }

        var isKept: Bool { unsafe kept != nil }

        init() {}

        init(copying other: Storage) {
            bytes = other.bytes
            lengths = other.lengths
        }

        func keep(_ other: Storage) {
            bytes = other.bytes
            lengths = other.lengths
            let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
            unsafe memory.initialize(from: bytes, count: bytes.count)
            let fields = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: max(1, lengths.count))
            let flags = UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue)
            unsafe fill(fields, from: memory, flags: flags)
            unsafe kept = unsafe UnsafeBufferPointer(rebasing: fields[..<lengths.count])
        }

        func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
            unsafe bytes.withUnsafeBufferPointer { buffer in
                unsafe withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(1, lengths.count)) { fields in
                    guard let base = buffer.baseAddress else { return unsafe body(nil, 0) }
                    unsafe fill(fields, from: UnsafeMutablePointer(mutating: base), flags: 0)
                    return unsafe body(fields.baseAddress, lengths.count)
                }
            }
        }

        private func fill(
            _ fields: UnsafeMutableBufferPointer<nghttp2_nv>, from base: UnsafeMutablePointer<UInt8>, flags: UInt8
        ) {
            var place = unsafe base
            for (index, length) in lengths.enumerated() {
                unsafe fields.initializeElement(
                    at: index,
                    to: nghttp2_nv(
                        name: place, value: place + length.name, namelen: length.name, valuelen: length.value,
                        flags: flags))
                unsafe place += length.name + length.value
            }
        }
    }
}
