/// How a field's value is laid out, the low three bits of a tag.
public enum WireType: UInt32, Sendable {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fixed32 = 5
}

/// A tag: field number and wire type.
@inlinable @inline(__always)
func wireTag(_ number: UInt32, _ type: WireType) -> UInt64 {
    UInt64(number << 3 | type.rawValue)
}
