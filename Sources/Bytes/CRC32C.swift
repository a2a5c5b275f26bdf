/// CRC-32C (Castagnoli), the checksum of our framing.
///
/// Slicing by eight: eight table look-ups per eight bytes, some 1.5 GB/s without special instructions.
public struct CRC32C: Sendable {
    @usableFromInline
    var state: UInt32 = 0xFFFF_FFFF

    public init() {}

    /// The checksum of everything fed so far.
    public var value: UInt32 { ~state }

    /// Feeds `bytes`; a checksum may be built from any number of pieces.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        state = Self.tables.withUnsafeBufferPointer { Self.run($0, state, bytes) }
    }

    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The checksum of one buffer.
    public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var crc = CRC32C()
        crc.update(bytes)
        return crc.value
    }

    public static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { checksum($0) }
    }

    private static func run(
        _ table: UnsafeBufferPointer<UInt32>, _ start: UInt32, _ bytes: UnsafeRawBufferPointer
    ) -> UInt32 {
        var crc = start
        var index = 0
        let count = bytes.count
        while count - index >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let low = UInt32(truncatingIfNeeded: word) ^ crc
            let high = UInt32(truncatingIfNeeded: word >> 32)
            crc = table[0x700 | Int(low & 0xFF)] ^ table[0x600 | Int((low >> 8) & 0xFF)]
            crc ^= table[0x500 | Int((low >> 16) & 0xFF)] ^ table[0x400 | Int(low >> 24)]
            crc ^= table[0x300 | Int(high & 0xFF)] ^ table[0x200 | Int((high >> 8) & 0xFF)]
            crc ^= table[0x100 | Int((high >> 16) & 0xFF)] ^ table[Int(high >> 24)]
            index += 8
        }
        while index < count {
            crc = table[Int((crc ^ UInt32(bytes[index])) & 0xFF)] ^ (crc >> 8)
            index += 1
        }
        return crc
    }

    /// Eight tables of 256 entries, one after the other; table k is the effect of a byte k places further on.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var crc = UInt32(byte)
            for _ in 0..<8 { crc = (crc & 1 == 1) ? (crc >> 1) ^ 0x82F6_3B78 : crc >> 1 }
            tables[byte] = crc
        }
        for index in 256..<(8 * 256) {
            let previous = tables[index - 256]
            tables[index] = tables[Int(previous & 0xFF)] ^ (previous >> 8)
        }
        return tables
    }()
}
