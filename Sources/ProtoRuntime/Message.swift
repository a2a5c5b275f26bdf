/// A Protocol Buffers message. Generated structs conform; nobody else needs to.
public protocol Message: Sendable, Hashable {
    /// The full name in the .proto file, e.g. `ragdz.v1.Tenant`.
    static var protoMessageName: String { get }

    init()

    var unknownFields: UnknownFields { get set }

    /// The size in bytes in wire form; records the lengths of nested messages in `sizes`.
    func measure(_ sizes: inout WireSizes) -> Int

    /// Writes the fields in the order in which `measure` counted them.
    func encode(into writer: inout WireWriter)

    /// Merges the fields that `reader` holds into this message, as the wire format says: scalars are replaced,
    /// messages merged, repeated fields appended.
    mutating func decode(from reader: inout WireReader) throws(WireError)

    /// Writes the canonical JSON form.
    func encodeJSON(into json: inout JSONWriter) throws(JSONError)

    mutating func decodeJSON(from json: inout JSONReader) throws(JSONError)
}

/// A message measured and ready to be written: its size is known before memory is asked for.
public struct WirePlan: ~Copyable {
    /// The message's size in bytes.
    public let size: Int
    @usableFromInline
    let sizes: WireSizes

    @inlinable
    init(size: Int, sizes: consuming WireSizes) {
        self.size = size
        self.sizes = sizes
    }
}

// MARK: - Wire form

extension Message {
    /// Decodes a whole message.
    public init(wire: UnsafeRawBufferPointer) throws(WireError) {
        self.init()
        try merge(wire: wire)
    }

    public init(wire: [UInt8]) throws(WireError) {
        self.init()
        try wire.withUnsafeBufferPointer { (bytes) throws(WireError) in
            try merge(wire: UnsafeRawBufferPointer(bytes))
        }
    }

    public mutating func merge(wire: UnsafeRawBufferPointer) throws(WireError) {
        var reader = WireReader(wire)
        try decode(from: &reader)
    }

    /// The size in bytes in wire form. To write right after, take `wirePlan()`, which measures once for both.
    public func encodedSize() -> Int {
        var sizes = WireSizes()
        return measure(&sizes)
    }

    @inlinable
    public func wirePlan() -> WirePlan {
        var sizes = WireSizes()
        let size = measure(&sizes)
        return WirePlan(size: size, sizes: sizes)
    }

    /// Writes the message into `space`, which has at least `plan.size` bytes; `plan` is this message's own.
    @inlinable
    public func encode(_ plan: borrowing WirePlan, into space: UnsafeMutableRawBufferPointer) {
        guard let base = space.baseAddress, plan.size > 0 else { return }
        precondition(space.count >= plan.size, "the space is smaller than the plan")
        var writer = WireWriter(base, count: plan.size, sizes: plan.sizes)
        encode(into: &writer)
        assert(writer.cursor == writer.end, "\(Self.protoMessageName) wrote another size than it measured")
    }

    /// The wire form, after `prefix` zero bytes that the caller fills in (a frame's header).
    @inlinable
    public func wireBytes(prefix: Int = 0) -> [UInt8] {
        let plan = wirePlan()
        let total = prefix + plan.size
        if total > 1024 {
            return [UInt8](unsafeUninitializedCapacity: total) { space, initialized in
                encode(plan, prefix: prefix, into: UnsafeMutableRawBufferPointer(space))
                initialized = total
            }
        }
        // Small messages are written on the stack and copied: the initialiser above costs more than that.
        // The space is of one size, so that it is part of the stack frame.
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { space in
            encode(plan, prefix: prefix, into: UnsafeMutableRawBufferPointer(space))
            return Array(UnsafeBufferPointer(start: space.baseAddress, count: total))
        }
    }

    @inlinable @inline(__always)
    func encode(_ plan: borrowing WirePlan, prefix: Int, into space: UnsafeMutableRawBufferPointer) {
        if prefix == 0 { return encode(plan, into: space) }
        for index in 0..<prefix { space[index] = 0 }
        encode(plan, into: UnsafeMutableRawBufferPointer(rebasing: space[prefix...]))
    }
}

// MARK: - JSON

extension Message {
    /// Decodes the JSON form of a whole message.
    public init(json: [UInt8], options: JSONOptions = .defaults) throws(JSONError) {
        self.init()
        try json.withUnsafeBufferPointer { (bytes) throws(JSONError) in
            try merge(json: UnsafeRawBufferPointer(bytes), options: options)
        }
    }

    public init(json: String, options: JSONOptions = .defaults) throws(JSONError) {
        try self.init(json: Array(json.utf8), options: options)
    }

    /// Fields of `json` replace those of this message; repeated fields and maps are appended.
    public mutating func merge(json: UnsafeRawBufferPointer, options: JSONOptions = .defaults) throws(JSONError) {
        var reader = JSONReader(json, options: options)
        try decodeJSON(from: &reader)
        try reader.finish()
    }

    /// The canonical JSON form. Throws for values without one: a date outside the years 1 to 9999, an `Any` of an
    /// unknown type.
    public func jsonBytes(options: JSONOptions = .defaults) throws(JSONError) -> [UInt8] {
        var writer = JSONWriter(options: options)
        try encodeJSON(into: &writer)
        return writer.bytes
    }

    public func jsonString(options: JSONOptions = .defaults) throws(JSONError) -> String {
        String(decoding: try jsonBytes(options: options), as: UTF8.self)
    }
}

extension Message {
    /// A new message, filled in by `body`.
    public static func with(_ body: (inout Self) throws -> Void) rethrows -> Self {
        var message = Self()
        try body(&message)
        return message
    }
}
