internal import COpenSSL

/// Random bytes for keys, nonces and tokens.
public enum SecureRandom {
    /// `count` unpredictable bytes from libcrypto's generator, which the kernel seeds.
    ///
    /// `libraryFailure` when there is no entropy: then no secret may be made at all.
    public static func bytes(_ count: Int) throws(CryptoError) -> [UInt8] {
        guard count > 0, count <= Int(Int32.max) else {
            if count == 0 { return [] }
            throw CryptoError(.invalidSize, "Random bytes come in counts of 0 to \(Int32.max), not \(count).")
        }
        var result: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            result = unsafe RAND_bytes(buffer.baseAddress, Int32(count))
            initialized = result == 1 ? count : 0
        }
        guard result == 1 else {
            throw CryptoError(.libraryFailure, "libcrypto has no random bytes to give.")
        }
        return bytes
    }
}
