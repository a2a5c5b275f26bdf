internal import COpenSSL

/// 32 bytes that came out of a hash or a code, without a place of their own in memory.
public struct Digest: Sendable, Hashable {
    /// Bytes of a digest: 32.
    public static let size = 32

    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// Whatever `body` writes to the 32 bytes that it is given.
    init(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
        words = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &words) { buffer in
            if let base = unsafe buffer.assumingMemoryBound(to: UInt8.self).baseAddress { unsafe body(base) }
        }
    }

    /// Nil unless there are 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        words = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &words) { unsafe $0.copyBytes(from: bytes) }
    }

    public var bytes: [UInt8] { unsafe withUnsafeBytes { unsafe [UInt8]($0) } }

    func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        unsafe Swift.withUnsafeBytes(of: words) { unsafe body($0) }
    }

    /// In a time that does not depend on where they differ.
    public static func == (one: Digest, other: Digest) -> Bool {
        unsafe one.withUnsafeBytes { one in
            unsafe other.withUnsafeBytes { other in
                guard let first = one.baseAddress, let second = other.baseAddress else { return false }
                return unsafe CRYPTO_memcmp(first, second, size) == 0
            }
        }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
