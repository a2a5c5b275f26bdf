internal import COpenSSL

/// SHA-256 as a value: copying it forks the computation, which is how `HMACSHA256` reuses its key schedule.
///
/// ```swift
/// let digest = SHA256.hash(bytes)            // at once
/// var hash = SHA256()                        // piece by piece
/// hash.update(part1); hash.update(part2)
/// let same = hash.finalize()
/// ```
public struct SHA256: Sendable {
    /// Bytes of a digest: 32.
    public static let digestSize = 32
    /// Bytes of a block of the compression function: 64.
    static let blockSize = 64

    private var state = SHA256_CTX()

    public init() {
        // Initialising the state writes constants; it has no way to fail.
        _ = unsafe ragdz_sha256_init(&state)
    }

    /// Adds bytes to what is hashed.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe update($0) }
    }

    /// Adds the UTF-8 bytes of a text to what is hashed.
    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { unsafe update(UnsafeRawBufferPointer($0)) }
    }

    /// Adds bytes to what is hashed; the memory is read before the call returns.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        _ = unsafe ragdz_sha256_update(&state, base, bytes.count)
    }

    /// The digest of all bytes so far, 32 bytes. The value itself goes on: more bytes may follow.
    public func finalize() -> [UInt8] {
        var copy = self
        return unsafe [UInt8](unsafeUninitializedCapacity: Self.digestSize) { buffer, count in
            if let base = buffer.baseAddress { _ = unsafe ragdz_sha256_final(base, &copy.state) }
            count = Self.digestSize
        }
    }

    /// As `finalize`, without a place of its own in memory.
    public func digest() -> Digest {
        var copy = self
        return unsafe Digest { _ = unsafe ragdz_sha256_final($0, &copy.state) }
    }

    /// The digest of `bytes`, 32 bytes.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }

    /// The digest of the UTF-8 bytes of `text`, 32 bytes.
    public static func hash(_ text: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(text)
        return hash.finalize()
    }

    /// The digest of `bytes`, 32 bytes.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        unsafe hash.update(bytes)
        return hash.finalize()
    }
}
