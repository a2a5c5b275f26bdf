/// HKDF over HMAC-SHA-256 (RFC 5869): several independent keys out of one.
public enum HKDF {
    /// The longest output of the standard: 255 digests, 8160 bytes.
    public static let maximumOutputSize = 255 * SHA256.digestSize

    /// A key of `count` bytes for the purpose that `info` names.
    ///
    /// An empty salt counts as 32 zero bytes. `invalidSize` when `count` is not within 0 and `maximumOutputSize`.
    public static func deriveKey(
        from inputKey: [UInt8], salt: [UInt8] = [], info: [UInt8], count: Int
    ) throws(CryptoError) -> [UInt8] {
        guard (0...maximumOutputSize).contains(count) else {
            throw CryptoError(.invalidSize, "HKDF gives 0 to \(maximumOutputSize) bytes, not \(count).")
        }
        let extracted = HMACSHA256.authenticationCode(for: inputKey, key: salt)
        let mac = HMACSHA256(key: extracted)
        var output: [UInt8] = []
        output.reserveCapacity(count + SHA256.digestSize)
        var previous: [UInt8] = []
        var counter: UInt8 = 1
        while output.count < count {
            previous = mac.authenticationCode(for: previous + info + [counter])
            output += previous
            // The last permitted round is number 255; the wrap after it is never used.
            counter &+= 1
        }
        output.removeLast(output.count - count)
        return output
    }
}
