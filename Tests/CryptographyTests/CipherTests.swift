import Cryptography
import Testing

@Suite struct CipherTests {
    // The vectors 13, 14 and 16 of the submission of GCM to NIST.
    @Test(arguments: [
        (
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12), plain: "", data: "",
            sealed: "530f8afbc74536b9a963b4f1c4cb738b"
        ),
        (
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12),
            plain: String(repeating: "00", count: 16), data: "",
            sealed: "cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"
        ),
        (
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            nonce: "cafebabefacedbaddecaf888",
            plain: """
            d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525
            b16aedf5aa0de657ba637b39
            """,
            data: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            sealed: """
            522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838
            c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b
            """
        ),
    ])
    func gcmKnowsTheAnswers(key: String, nonce: String, plain: String, data: String, sealed: String) throws {
        let cipher = try AESGCM(key: hex(key))
        let message = try cipher.seal(hex(plain), nonce: hex(nonce), authenticating: hex(data))
        #expect(message == hex(nonce) + hex(sealed))
        #expect(try cipher.open(message, authenticating: hex(data)) == hex(plain))
    }

    @Test func everyChangedByteIsNoticed() throws {
        let cipher = try AESGCM(key: SecureRandom.bytes(32))
        let message = try cipher.seal([1, 2, 3], authenticating: [9])
        for index in message.indices {
            var changed = message
            changed[index] ^= 1
            let error = #expect(throws: CryptoError.self) { try cipher.open(changed, authenticating: [9]) }
            #expect(error?.code == .authenticationFailed)
        }
        #expect(throws: CryptoError.self) { try cipher.open(message, authenticating: [8]) }
        #expect(throws: CryptoError.self) { try cipher.open([UInt8](message.prefix(27)), authenticating: [9]) }
        let other = try AESGCM(key: SecureRandom.bytes(32))
        #expect(throws: CryptoError.self) { try other.open(message, authenticating: [9]) }
    }

    @Test func wrongSizesAreRefused() throws {
        #expect(throws: CryptoError.self) { try AESGCM(key: [1, 2, 3]) }
        let cipher = try AESGCM(key: [UInt8](repeating: 1, count: 32))
        let error = #expect(throws: CryptoError.self) { try cipher.seal([], nonce: [0]) }
        #expect(error?.code == .invalidSize)
        #expect(error?.description.contains("12 bytes") == true)
    }

    // RFC 7914, cases 1 and 2.
    @Test func scryptKnowsTheAnswers() throws {
        #expect(
            try Scrypt.deriveKey(
                password: [], salt: [], cost: .init(cost: 16, blockSize: 1, parallelism: 1), count: 64)
                == hex(
                    """
                    77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442
                    fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906
                    """))
        #expect(
            try Scrypt.deriveKey(
                password: [UInt8]("password".utf8), salt: [UInt8]("NaCl".utf8),
                cost: .init(cost: 1024, blockSize: 8, parallelism: 16), count: 64)
                == hex(
                    """
                    fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162
                    2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640
                    """))
    }

    @Test func scryptRefusesImpossibleCosts() throws {
        for cost in [
            Scrypt.Cost(cost: 15, blockSize: 8, parallelism: 1),
            Scrypt.Cost(cost: 1 << 30, blockSize: 8, parallelism: 1),
        ] {
            let error = #expect(throws: CryptoError.self) { try Scrypt.deriveKey(password: [1], salt: [2], cost: cost) }
            #expect(error?.code == .invalidParameters)
        }
        #expect(throws: CryptoError.self) { try Scrypt.deriveKey(password: [], salt: [], count: 0) }
        #expect(try Scrypt.deriveKey(password: [1], salt: [2]).count == 32)
    }

    @Test func randomBytesDiffer() throws {
        #expect(try SecureRandom.bytes(0).isEmpty)
        #expect(try SecureRandom.bytes(32).count == 32)
        #expect(try SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(throws: CryptoError.self) { try SecureRandom.bytes(-1) }
    }

    @Test func constantTimeComparisonIsAComparison() {
        #expect(ConstantTime.areEqual([], []))
        #expect(ConstantTime.areEqual([1, 2], [1, 2]))
        #expect(!ConstantTime.areEqual([1, 2], [1, 3]))
        #expect(!ConstantTime.areEqual([1, 2], [1]))
    }
}
