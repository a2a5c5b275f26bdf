/// SHA-256 (FIPS 180-4), so that the generator needs no library. It runs at development time only.
enum SHA256 {
    private static let constants: [UInt32] = {
        // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
        var primes: [UInt64] = []
        var candidate: UInt64 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { fraction(ofRoot: 3, of: $0) }
    }()

    private static let initial: [UInt32] = [2, 3, 5, 7, 11, 13, 17, 19].map { fraction(ofRoot: 2, of: $0) }

    /// floor(root(value) * 2^32) mod 2^32, by bisection in exact integers.
    private static func fraction(ofRoot degree: Int, of value: UInt64) -> UInt32 {
        // root * 2^32 < 2^40 for all values used; compare its power with value * 2^(32 * degree).
        var low: UInt64 = 0
        var high: UInt64 = 1 << 40
        while high - low > 1 {
            let middle = (low + high) / 2
            if power(middle, degree, isAtMost: value, shiftedBy: 32 * degree) { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    private static func power(_ base: UInt64, _ degree: Int, isAtMost value: UInt64, shiftedBy bits: Int) -> Bool {
        let left = UInt128(base).multipliedFullWidth(by: degree == 3 ? UInt128(base) * UInt128(base) : UInt128(base))
        let right = (
            high: bits >= 128 ? UInt128(value) << UInt128(bits - 128) : UInt128(value) >> UInt128(128 - bits),
            low: UInt128(value) << UInt128(bits)
        )
        let rightLow = bits >= 128 ? 0 : right.low
        return left.high != right.high ? left.high < right.high : left.low <= rightLow
    }

    static func hex(_ message: [UInt8]) -> String {
        var state = initial
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: 56, through: 0, by: -8) {
            padded.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
        }
        for start in stride(from: 0, to: padded.count, by: 64) { compress(padded[start..<start + 64], into: &state) }
        return state.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 8 - text.utf8.count) + text
        }.joined()
    }

    private static func compress(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
        var w = [UInt32](repeating: 0, count: 64)
        for i in 0..<64 {
            if i < 16 {
                w[i] = (0..<4).reduce(0) { $0 << 8 | UInt32(block[block.startIndex + i * 4 + $1]) }
            } else {
                let a = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ w[i - 15] >> 3
                let b = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ w[i - 2] >> 10
                w[i] = w[i - 16] &+ a &+ w[i - 7] &+ b
            }
        }
        var v = state
        for i in 0..<64 {
            let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)
            let t1 = v[7] &+ s1 &+ ((v[4] & v[5]) ^ (~v[4] & v[6])) &+ constants[i] &+ w[i]
            let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)
            let t2 = s0 &+ ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]))
            v = [t1 &+ t2, v[0], v[1], v[2], v[3] &+ t1, v[4], v[5], v[6]]
        }
        for i in 0..<8 { state[i] &+= v[i] }
    }
}
