/// HMAC-SHA-256 (RFC 2104) with its key already absorbed: making one costs two compressions, and every code after
/// that two more for a short message, without allocation beyond the result.
public struct HMACSHA256: Sendable {
    private let inner: SHA256
    private let outer: SHA256

    /// A key of any length; one longer than 64 bytes is hashed first, as the standard says.
    public init(key: [UInt8]) {
        var block = key.count > SHA256.blockSize ? SHA256.hash(key) : key
        block.append(contentsOf: repeatElement(0, count: SHA256.blockSize - block.count))
        var inner = SHA256()
        inner.update(block.map { $0 ^ 0x36 })
        var outer = SHA256()
        outer.update(block.map { $0 ^ 0x5c })
        self.inner = inner
        self.outer = outer
    }

    /// The code of `message`, 32 bytes.
    public func authenticationCode(for message: [UInt8]) -> [UInt8] {
        var hash = inner
        hash.update(message)
        return finish(hash)
    }

    /// The code of the UTF-8 bytes of `message`, 32 bytes.
    public func authenticationCode(for message: String) -> [UInt8] {
        var hash = inner
        hash.update(message)
        return finish(hash)
    }

    /// The code of the bytes in memory, without allocation.
    public func digest(for message: UnsafeRawBufferPointer) -> Digest {
        var hash = inner
        unsafe hash.update(message)
        let innerDigest = hash.digest()
        hash = outer
        unsafe innerDigest.withUnsafeBytes { unsafe hash.update($0) }
        return hash.digest()
    }

    /// Whether `code` is the code of `message`, in a time that does not depend on where they differ.
    public func isValid(_ code: [UInt8], for message: [UInt8]) -> Bool {
        ConstantTime.areEqual(code, authenticationCode(for: message))
    }

    /// The code of `message` under `key`, 32 bytes.
    public static func authenticationCode(for message: [UInt8], key: [UInt8]) -> [UInt8] {
        HMACSHA256(key: key).authenticationCode(for: message)
    }

    private func finish(_ innerHash: SHA256) -> [UInt8] {
        var hash = outer
        hash.update(innerHash.finalize())
        return hash.finalize()
    }
}
