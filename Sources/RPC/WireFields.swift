internal import Bytes

/// Writes the few protobuf fields that the error model itself needs, so that a status can be sent without any
/// generated type.
package struct FieldWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func varint(_ number: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        Varint.append(number << 3, to: &bytes)
        Varint.append(value, to: &bytes)
    }

    package mutating func string(_ number: UInt64, _ value: String) {
        if !value.isEmpty { field(number, Array(value.utf8)) }
    }

    /// A length-delimited field, also when it is empty.
    package mutating func field(_ number: UInt64, _ value: [UInt8]) {
        Varint.append(number << 3 | 2, to: &bytes)
        Varint.append(UInt64(value.count), to: &bytes)
        bytes.append(contentsOf: value)
    }

    package mutating func message(_ number: UInt64, _ body: (inout FieldWriter) -> Void) {
        var inner = FieldWriter()
        body(&inner)
        field(number, inner.bytes)
    }
}

/// Walks the fields of a protobuf message without knowing its type.
package struct FieldReader {
    package enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        case other
    }

    private var rest: ArraySlice<UInt8>
    /// Set when the bytes are not protobuf; `next` gives nil from then on.
    package private(set) var isMalformed = false

    package init(_ bytes: some Collection<UInt8>) { rest = ArraySlice(Array(bytes)) }

    package mutating func next() -> (number: UInt64, value: Value)? {
        guard !rest.isEmpty, let tag = varint() else { return nil }
        switch tag & 7 {
        case 0: return varint().map { (tag >> 3, .varint($0)) }
        case 1: return take(8).map { _ in (tag >> 3, .other) }
        case 5: return take(4).map { _ in (tag >> 3, .other) }
        case 2:
            guard let length = varint(), let size = Int(exactly: length) else { return nil }
            return take(size).map { (tag >> 3, .bytes($0)) }
        default:
            isMalformed = true
            return nil
        }
    }

    private mutating func take(_ size: Int) -> ArraySlice<UInt8>? {
        guard size <= rest.count else {
            isMalformed = true
            return nil
        }
        defer { rest = rest.dropFirst(size) }
        return rest.prefix(size)
    }

    private mutating func varint() -> UInt64? {
        guard let (value, length) = rest.withUnsafeBytes({ Varint.read($0) }) else {
            isMalformed = true
            return nil
        }
        rest = rest.dropFirst(length)
        return value
    }
}

extension FieldReader.Value {
    package var text: String? {
        if case .bytes(let bytes) = self { String(validating: bytes, as: UTF8.self) } else { nil }
    }
    package var number: UInt64? { if case .varint(let value) = self { value } else { nil } }
    package var slice: ArraySlice<UInt8>? { if case .bytes(let bytes) = self { bytes } else { nil } }
}
