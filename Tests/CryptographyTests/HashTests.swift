import Cryptography
import Testing

@Suite struct HashTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func sha256KnowsTheAnswers(text: String, digest: String) {
        #expect(SHA256.hash(text) == hex(digest))
        #expect(SHA256.hash([UInt8](text.utf8)) == hex(digest))
    }

    @Test func sha256KnowsTheAnswerForAMillionLetters() {
        #expect(
            SHA256.hash([UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000))
                == hex("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"))
    }

    @Test func piecesGiveTheSameDigestAsTheWhole() {
        let bytes = (0..<1000).map { UInt8($0 % 251) }
        for cut in [0, 1, 55, 56, 63, 64, 65, 127, 128, 999, 1000] {
            var hash = SHA256()
            hash.update([UInt8](bytes[..<cut]))
            hash.update([UInt8](bytes[cut...]))
            #expect(hash.finalize() == SHA256.hash(bytes))
        }
    }

    @Test func aCopyForksTheComputation() {
        var first = SHA256()
        first.update("a")
        var second = first
        first.update("b")
        second.update("c")
        #expect(first.finalize() == SHA256.hash("ab"))
        #expect(second.finalize() == SHA256.hash("ac"))
        #expect(first.finalize() == SHA256.hash("ab"), "finalizing does not end the value")
    }

    // RFC 4231, cases 1, 2 and 6 (a key longer than a block).
    @Test func hmacKnowsTheAnswers() {
        let first = HMACSHA256(key: [UInt8](repeating: 0x0b, count: 20))
        let code = hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(first.authenticationCode(for: "Hi There") == code)
        #expect(first.isValid(code, for: [UInt8]("Hi There".utf8)))
        #expect(!first.isValid(code, for: [UInt8]("hi There".utf8)))
        #expect(!first.isValid([UInt8](code.dropLast()), for: [UInt8]("Hi There".utf8)))
        #expect(
            HMACSHA256(key: [UInt8]("Jefe".utf8)).authenticationCode(for: "what do ya want for nothing?")
                == hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"))
        #expect(
            HMACSHA256(key: [UInt8](repeating: 0xaa, count: 131))
                .authenticationCode(for: "Test Using Larger Than Block-Size Key - Hash Key First")
                == hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"))
    }

    // RFC 5869, cases 1 and 3.
    @Test func hkdfKnowsTheAnswers() throws {
        let key = [UInt8](repeating: 0x0b, count: 22)
        #expect(
            try HKDF.deriveKey(
                from: key, salt: hex("000102030405060708090a0b0c"), info: hex("f0f1f2f3f4f5f6f7f8f9"), count: 42)
                == hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"))
        #expect(
            try HKDF.deriveKey(from: key, info: [], count: 42)
                == hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"))
        #expect(try HKDF.deriveKey(from: key, info: [], count: 0).isEmpty)
        #expect(try HKDF.deriveKey(from: key, info: [], count: HKDF.maximumOutputSize).count == 8160)
        #expect(throws: CryptoError.self) { try HKDF.deriveKey(from: key, info: [], count: 8161) }
        #expect(throws: CryptoError.self) { try HKDF.deriveKey(from: key, info: [], count: -1) }
    }
}
