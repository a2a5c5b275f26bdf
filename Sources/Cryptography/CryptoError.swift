/// Why a cryptographic operation was refused.
///
/// Wrong sizes are the caller's mistake, `authenticationFailed` is about the data, and `libraryFailure` means that
/// libcrypto could not work (no memory, no entropy): nothing that a retry with the same input repairs.
public struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure. New kinds may be added.
    public struct Code: Sendable, Hashable {
        private enum Kind: Sendable { case invalidSize, authenticationFailed, invalidParameters, libraryFailure }
        private let kind: Kind
        private init(_ kind: Kind) { self.kind = kind }

        /// A key, nonce, tag or output has a size that the algorithm does not have.
        public static let invalidSize = Code(.invalidSize)
        /// The ciphertext or its authenticated data was changed, or the key is another one.
        public static let authenticationFailed = Code(.authenticationFailed)
        /// A cost or count lies outside of what the algorithm accepts.
        public static let invalidParameters = Code(.invalidParameters)
        /// libcrypto refused for a reason of its own.
        public static let libraryFailure = Code(.libraryFailure)
    }

    public let code: Code
    /// What was wrong, without any secret in it.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { message }
}
