/// Base64 (RFC 4648), standard and URL-safe.
public enum Base64 {
    public enum Alphabet: Sendable {
        /// `+` and `/`, padded with `=`.
        case standard
        /// `-` and `_`, without padding.
        case url
    }

    public static func encode(_ bytes: [UInt8], _ alphabet: Alphabet = .standard) -> String {
        let full = bytes.count / 3
        let rest = bytes.count % 3
        let tail = rest == 0 ? 0 : (alphabet == .standard ? 4 : rest + 1)
        let length = full * 4 + tail
        return String(unsafeUninitializedCapacity: length) { buffer in
            digits(alphabet).withUnsafeBufferPointer { digits in
                var place = 0
                for group in 0..<full {
                    let word =
                        UInt32(bytes[3 * group]) << 16 | UInt32(bytes[3 * group + 1]) << 8
                        | UInt32(bytes[3 * group + 2])
                    for part in 0..<4 { buffer[place + part] = digits[Int(word >> UInt32(18 - 6 * part)) & 63] }
                    place += 4
                }
                if rest > 0 {
                    let word = UInt32(bytes[3 * full]) << 16 | (rest == 2 ? UInt32(bytes[3 * full + 1]) << 8 : 0)
                    for part in 0...rest { buffer[place + part] = digits[Int(word >> UInt32(18 - 6 * part)) & 63] }
                    place += rest + 1
                }
                while place < length {
                    buffer[place] = UInt8(ascii: "=")
                    place += 1
                }
            }
            return length
        }
    }

    /// Reads both alphabets, with or without padding; nil for any other character or an impossible length.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var copy = String(text)
        return copy.withUTF8 { decode($0) }
    }

    public static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var count = text.count
        if count % 4 == 0 {
            if count > 0, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
            if count > 0, count % 4 == 3, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        }
        guard count % 4 != 1 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(count / 4 * 3 + 2)
        var word: UInt32 = 0
        var filled = 0
        for index in 0..<count {
            let value = values[Int(text[index])]
            guard value < 64 else { return nil }
            word = word << 6 | UInt32(value)
            filled += 1
            if filled == 4 {
                result.append(UInt8(truncatingIfNeeded: word >> 16))
                result.append(UInt8(truncatingIfNeeded: word >> 8))
                result.append(UInt8(truncatingIfNeeded: word))
                (word, filled) = (0, 0)
            }
        }
        if filled >= 2 { result.append(UInt8(truncatingIfNeeded: filled == 2 ? word >> 4 : word >> 10)) }
        if filled == 3 { result.append(UInt8(truncatingIfNeeded: word >> 2)) }
        return result
    }

    private static func digits(_ alphabet: Alphabet) -> [UInt8] {
        alphabet == .standard ? standardDigits : urlDigits
    }

    private static let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standardDigits = Array((letters + "+/").utf8)
    private static let urlDigits = Array((letters + "-_").utf8)

    /// The value of each byte as a digit of either alphabet; 255 for other bytes.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, digit) in standardDigits.enumerated() { values[Int(digit)] = UInt8(value) }
        for (value, digit) in urlDigits.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()
}
