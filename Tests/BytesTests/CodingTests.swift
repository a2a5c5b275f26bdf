import Bytes
import Testing

@Suite struct VarintTests {
    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, UInt64(UInt32.max), 1 << 56, 1 << 63, UInt64.max])
    func roundTrip(_ value: UInt64) {
        var bytes: [UInt8] = []
        Varint.append(value, to: &bytes)
        #expect(bytes.count == Varint.size(value))
        let read = bytes.withUnsafeBytes { Varint.read($0) }
        #expect(read?.value == value)
        #expect(read?.length == bytes.count)
        var space = [UInt8](repeating: 0xAA, count: 11)
        let length = space.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { Varint.write(value, to: $0) - $0 }
        }
        #expect(length == bytes.count)
        #expect(Array(space.prefix(bytes.count)) == bytes)
        #expect(space[bytes.count...].allSatisfy { $0 == 0xAA })
    }

    @Test func sizesAtTheEdges() {
        for bits in 0..<64 {
            let value = UInt64(1) << UInt64(bits)
            #expect(Varint.size(value) == bits / 7 + 1)
            #expect(Varint.size(value - 1) == max(1, (bits + 6) / 7))
        }
    }

    @Test func endsInsideAndTooLong() {
        let truncated: [UInt8] = [0x80, 0x80]
        #expect(truncated.withUnsafeBytes { Varint.read($0) } == nil)
        let overlong = [UInt8](repeating: 0x80, count: 10) + [1]
        #expect(overlong.withUnsafeBytes { Varint.read($0) } == nil)
    }
}

@Suite struct CRC32CTests {
    @Test func knownValues() {
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
        #expect(CRC32C.checksum([]) == 0)
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    }

    @Test func piecesMakeTheWhole() {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 31) }
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            var crc = CRC32C()
            crc.update(Array(bytes[..<cut]))
            crc.update(Array(bytes[cut...]))
            #expect(crc.value == CRC32C.checksum(bytes))
        }
    }
}

@Suite struct UTF8Tests {
    @Test(arguments: [
        "", "ascii only, longer than eight bytes", "سؤال عن الضرائب", "é", "🙂", "a\u{0}b", "\u{10FFFF}\u{D7FF}\u{E000}",
    ])
    func accepts(_ text: String) {
        #expect(UTF8Validation.isValid(Array(text.utf8)))
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x99], [0xFF],
            [0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0x61, 0xC3, 0x28], [0xC3, 0xA9, 0xA9],
        ] as [[UInt8]])
    func refuses(_ bytes: [UInt8]) {
        #expect(!UTF8Validation.isValid(bytes))
        #expect(String(validating: bytes, as: UTF8.self) == nil)
    }

    @Test func agreesWithTheStandardLibraryOnRandomBytes() {
        var source = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &source)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0x70...0xFF, using: &source) }
            #expect(UTF8Validation.isValid(bytes) == (String(validating: bytes, as: UTF8.self) != nil), "\(bytes)")
        }
    }
}

@Suite struct TextCodingTests {
    @Test func hexadecimal() {
        #expect(Hex.encode([0x00, 0x0F, 0xA5, 0xFF]) == "000fa5ff")
        #expect(Hex.decode("000FA5ff") == [0x00, 0x0F, 0xA5, 0xFF])
        #expect(Hex.decode("0") == nil)
        #expect(Hex.decode("0g") == nil)
        #expect(Hex.decode("") == [])
    }

    @Test(arguments: zip(["", "f", "fo", "foo", "foob"], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]))
    func base64(_ plain: String, _ coded: String) {
        let bytes = Array(plain.utf8)
        #expect(Base64.encode(bytes) == coded)
        #expect(Base64.decode(coded) == bytes)
        let url = Base64.encode(bytes, .url)
        #expect(!url.contains("="))
        #expect(Base64.decode(url) == bytes)
    }

    @Test func base64Alphabets() {
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
        #expect(Base64.encode([0xFB, 0xFF], .url) == "-_8")
        #expect(Base64.decode("-_8") == [0xFB, 0xFF])
        for bad in ["A", "A===", "=", "Zg=", "Z g=", "Zm9v=", "é"] { #expect(Base64.decode(bad) == nil, "\(bad)") }
    }
}

@Suite struct UUID128Tests {
    @Test func text() {
        let text = "0190b2c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f"
        let id = UUID128(text)
        #expect(id?.description == text)
        #expect(UUID128(text.uppercased()) == id)
        #expect(id.flatMap { UUID128(bytes: $0.bytes) } == id)
    }

    @Test(arguments: [
        "", "0190b2c41a2b7c3d8e4f5a6b7c8d9e0f", "0190b2c4-1a2b-7c3d-8e4f-5a6b7c8d9e0",
        "0190b2c4-1a2b-7c3d-8e4f-5a6b7c8d9e0ff",
        "0190b2c4-1a2b-7c3d-8e4f-5a6b7c8d9e0g", "{0190b2c4-1a2b-7c3d-8e4f-5a6b7c8d9e0f}",
        "0190b2c4-1a2b-7c3d-8e4f_5a6b7c8d9e0f",
    ])
    func refuses(_ text: String) {
        #expect(UUID128(text) == nil)
    }

    @Test func versionsAndOrder() {
        let random = UUID128.v4()
        #expect(random.hi >> 12 & 0xF == 4)
        #expect(random.lo >> 62 == 2)
        let ids = (0..<1000).map { _ in UUID128.v7() }
        #expect(Set(ids).count == 1000)
        #expect(ids.allSatisfy { $0.hi >> 12 & 0xF == 7 && $0.lo >> 62 == 2 })
        let millis = Int64(ids[0].hi >> 16)
        #expect(abs(millis - WallClock.nowMicros() / 1000) < 60_000)
        #expect(UUID128(bytes: [1, 2, 3]) == nil)
        #expect(UUID128(hi: 1, lo: 0) > UUID128(hi: 0, lo: .max))
    }
}
