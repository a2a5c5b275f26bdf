internal import COpenSSL

/// Comparisons whose time tells nothing about secrets.
public enum ConstantTime {
    /// Whether both are equal. The time depends on the lengths, which are public, and not on the content.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in
                guard let first = left.baseAddress, let second = right.baseAddress else { return true }
                return unsafe CRYPTO_memcmp(first, second, left.count) == 0
            }
        }
    }
}
