internal import COpenSSL

/// scrypt (RFC 7914): a key out of a password, made slow and hungry for memory on purpose.
///
/// It blocks its thread for tens of milliseconds: call it off the event loops
/// (`withTaskExecutorPreference(globalConcurrentExecutor)`).
public enum Scrypt {
    /// How much work and memory one derivation takes: `128 · blockSize · cost` bytes.
    public struct Cost: Sendable, Hashable {
        /// A power of two above 1.
        public var cost: UInt64
        public var blockSize: UInt64
        public var parallelism: UInt64

        public init(cost: UInt64, blockSize: UInt64, parallelism: UInt64) {
            self.cost = cost
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        /// 2¹⁵ · 8 · 1: 32 MiB and some 100 ms of one core.
        public static var defaults: Cost { Cost(cost: 1 << 15, blockSize: 8, parallelism: 1) }
    }

    /// The most memory that one derivation may take: 256 MiB.
    public static let maximumMemory: UInt64 = 256 << 20
    /// The longest output: 1024 bytes.
    public static let maximumOutputSize = 1024

    /// A key of `count` bytes. `invalidParameters` for a cost that the standard or `maximumMemory` forbids.
    public static func deriveKey(
        password: [UInt8], salt: [UInt8], cost: Cost = .defaults, count: Int = 32
    ) throws(CryptoError) -> [UInt8] {
        guard (1...maximumOutputSize).contains(count) else {
            throw CryptoError(.invalidSize, "scrypt gives 1 to \(maximumOutputSize) bytes here, not \(count).")
        }
        var key = [UInt8](repeating: 0, count: count)
        // libcrypto reads a null password as "only check the parameters", so an empty one keeps a real address.
        let length = password.count
        let result = unsafe (password.isEmpty ? [0] : password).withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                unsafe EVP_PBE_scrypt(
                    text.baseAddress, length, salt, salt.count, cost.cost, cost.blockSize, cost.parallelism,
                    maximumMemory, &key, count)
            }
        }
        guard result == 1 else {
            throw CryptoError(.invalidParameters, "scrypt refuses this cost: a power of two, at most 256 MiB in all.")
        }
        return key
    }
}
