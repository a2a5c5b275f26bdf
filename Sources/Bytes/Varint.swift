/// Base-128 variable-length integers, as Protocol Buffers and our own framing write them.
public enum Varint {
    /// A 64-bit integer takes at most ten bytes.
    public static let maximumLength = 10

    /// The number of bytes that `value` takes, 1 to 10.
    @inlinable @inline(__always)
    public static func size(_ value: UInt64) -> Int {
        // Seven bits a byte: ceil(bits / 7) without a division, and 1 for zero.
        (9 &* (64 &- (value | 1).leadingZeroBitCount) &+ 64) >> 6
    }

    /// Writes `value` at `pointer`, which has room for `size(value)` bytes; returns the place after it.
    @inlinable @inline(__always)
    public static func write(_ value: UInt64, to pointer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        var rest = value
        var place = pointer
        while rest >= 0x80 {
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            rest >>= 7
            place += 1
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        return place + 1
    }

    /// Appends `value` to `bytes`.
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Reads one integer from the start of `buffer`.
    ///
    /// Returns nil when the buffer ends inside the integer or the integer is longer than ten bytes.
    @inlinable
    public static func read(_ buffer: UnsafeRawBufferPointer) -> (value: UInt64, length: Int)? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        let limit = min(buffer.count, maximumLength)
        var index = 0
        while index < limit {
            let byte = buffer[index]
            value |= UInt64(byte & 0x7F) << shift
            index += 1
            if byte < 0x80 { return (value, index) }
            shift += 7
        }
        return nil
    }
}
