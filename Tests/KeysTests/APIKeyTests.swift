import Cryptography
import Keys
import Testing

@Suite struct APIKeyTests {
    @Test(arguments: [APIKey.Kind.live, .platformOperator])
    func aNewKeyParsesBackToItself(kind: APIKey.Kind) throws {
        let key = try APIKey.generate(kind)
        let text = key.revealed
        #expect(try APIKey.parse(text) == key)
        #expect(key.id.count == 22)
        #expect(APIKey.isID(key.id))
        #expect(text.utf8.count == (kind == .live ? 84 : 88))
        #expect(text.hasPrefix(kind == .live ? "ragdz_live_" : "ragdz_operator_"))
    }

    @Test func aRotatedKeyKeepsItsIDAndHasAnotherSecret() throws {
        let first = try APIKey.generate(.live)
        let second = try APIKey.generate(.live, id: first.id)
        #expect(second.id == first.id)
        #expect(second.revealed != first.revealed)
    }

    @Test func everyTruncationIsMalformed() throws {
        let text = try APIKey.generate(.live).revealed
        for length in 0..<text.count {
            #expect(throws: APIKey.Malformation.self) { try APIKey.parse(text.prefix(length)) }
        }
        #expect(throws: APIKey.Malformation.length) { try APIKey.parse(text + "0") }
        #expect(throws: APIKey.Malformation.length) { try APIKey.parse(text + text) }
    }

    @Test func everyChangedCharacterIsMalformed() throws {
        let bytes = [UInt8](try APIKey.generate(.live).revealed.utf8)
        for index in bytes.indices {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "x") ? UInt8(ascii: "y") : UInt8(ascii: "x")
            #expect(throws: APIKey.Malformation.self, "at \(index)") { try APIKey.parse(changed) }
        }
    }

    @Test(arguments: [
        "", "Bearer", "ragdz_live_", "ragdz_test_0000000000000000000000_0", "sk-proj-1234", "\0", "🔑",
        "ragdz_operator_", "RAGDZ_LIVE_",
    ])
    func strangersAreMalformed(text: String) {
        #expect(throws: APIKey.Malformation.self) { try APIKey.parse(text) }
    }

    @Test func theSecretNeverPrints() throws {
        let key = try APIKey.generate(.live)
        let secret = String(key.revealed.dropFirst(34).prefix(43))
        #expect(key.revealed.contains(secret))
        var dumped = ""
        dump(key, to: &dumped)
        for text in ["\(key)", String(reflecting: key), "\([key])", String(describing: Optional(key)), dumped] {
            #expect(!text.contains(secret))
            #expect(text.contains(key.id))
        }
    }

    @Test func tenThousandKeysDiffer() throws {
        var ids: Set<String> = []
        for _ in 0..<10_000 { ids.insert(try APIKey.generate(.live).id) }
        #expect(ids.count == 10_000)
    }
}

@Suite struct PepperTests {
    static let one = "1:" + String(repeating: "0a", count: 32)
    static let two = "2:" + String(repeating: "0b", count: 32)

    @Test func theNewestVersionHashesAndTheOlderStillVerifies() throws {
        let key = try APIKey.generate(.live)
        let old = try Pepper(parsing: Self.one)
        let (version, hash) = old.hash(key)
        #expect(version == 1)
        let both = try Pepper(parsing: "\(Self.two), \(Self.one)")
        #expect(both.newestVersion == 2)
        #expect(both.verify(key, hash: hash, version: 1))
        #expect(!both.verify(key, hash: hash, version: 2))
        #expect(!both.verify(key, hash: hash, version: 3))
        #expect(!both.verify(try APIKey.generate(.live, id: key.id), hash: hash, version: 1))
        #expect(both.hash(key).hash != hash)
    }

    @Test(arguments: [
        "", "1", "1:", "1:zz", "0:" + String(repeating: "0a", count: 32), "x:00", one + "\n" + one, "1:0a",
    ])
    func malformedPeppersAreRefusedWithoutBeingQuoted(text: String) {
        let error = #expect(throws: Pepper.Malformed.self) { try Pepper(parsing: text) }
        #expect(error?.description.contains("0a0a") == false)
    }

    @Test func aFileIsMadeOnceAndPrivate() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/pepper"
        let key = try APIKey.generate(.live)
        let first = try PepperFile.loadOrGenerate(at: path)
        let second = try PepperFile.loadOrGenerate(at: path)
        #expect(second.verify(key, hash: first.hash(key).hash, version: 1))
        #expect(folder.mode(of: "pepper") == 0o600)
        #expect(folder.names == ["pepper"])
        folder.setMode(0o644, of: "pepper")
        let error = #expect(throws: SecretFile.Unusable.self) { try PepperFile.loadOrGenerate(at: path) }
        #expect(error?.description.contains("chmod 600") == true)
    }
}
