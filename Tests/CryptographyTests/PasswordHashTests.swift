import Bytes
import Testing

@testable import Cryptography

@Suite struct PasswordHashTests {
    private let cheap = Scrypt.Cost(cost: 16, blockSize: 1, parallelism: 1)

    @Test func theTextCarriesEverythingThatCheckingNeeds() throws {
        let hash = try PasswordHash(of: Array("pässwörd".utf8), cost: cheap)
        #expect(hash.text.hasPrefix("$scrypt$ln=4,r=1,p=1$"))
        let read = try #require(PasswordHash(hash.text))
        #expect(read == hash && read.cost == cheap)
        #expect(try read.matches(Array("pässwörd".utf8)))
        #expect(try !read.matches(Array("pässwört".utf8)))
        #expect(try !read.matches([]))
        #expect(try PasswordHash(of: Array("pässwörd".utf8), cost: cheap) != hash, "every hash has its own salt")
    }

    /// RFC 7914, section 12: the second vector, cut to the size that is stored here.
    @Test func itIsScrypt() throws {
        let cost = Scrypt.Cost(cost: 1024, blockSize: 8, parallelism: 16)
        let hash = try PasswordHash(of: Array("password".utf8), salt: Array("NaCl".utf8), cost: cost)
        let vector = try #require(Hex.decode("fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"))
        #expect(hash.text == "$scrypt$ln=10,r=8,p=16$TmFDbA$" + Base64.encode(vector, .url))
    }

    @Test func otherTextIsNoHash() throws {
        let good = try PasswordHash(of: [1], cost: cheap).text
        for text in [
            "", "x", "$", "$$$$", good + "A", String(good.dropLast()), good.replacing("ln=4", with: "ln=04"),
            good.replacing("ln=4", with: "ln=64"), good.replacing("r=1", with: "r=0"),
            good.replacing("p=1", with: "p=-1"), good.replacing("scrypt", with: "argon2id"),
            good.replacing(",p=1", with: ",p=1,p=1"), good.replacing(",p=1", with: ""), " " + good, good + "\n",
        ] {
            #expect(PasswordHash(text) == nil, "\(text)")
        }
    }

    @Test func weakerIsWhatTakesLess() throws {
        let hash = try PasswordHash(of: [1], cost: cheap)
        #expect(!hash.isWeaker(than: cheap))
        #expect(hash.isWeaker(than: Scrypt.Cost(cost: 32, blockSize: 1, parallelism: 1)))
        #expect(hash.isWeaker(than: Scrypt.Cost(cost: 16, blockSize: 1, parallelism: 2)))
        #expect(
            hash.isWeaker(than: Scrypt.Cost(cost: 32, blockSize: 1, parallelism: 1)), "less memory, whatever the work")
        #expect(!hash.isWeaker(than: Scrypt.Cost(cost: 8, blockSize: 1, parallelism: 1)))
    }

    @Test func nobodysHashMatchesNothingAndCostsNothingToMake() throws {
        let nobody = try PasswordHash.ofNobody(cost: cheap)
        #expect(try !nobody.matches([]) && nobody.cost == cheap)
        #expect(PasswordHash(nobody.text) == nobody)
    }

    @Test func aCostBeyondTheMemoryIsRefused() throws {
        #expect(throws: CryptoError.self) {
            try PasswordHash(of: [1], cost: Scrypt.Cost(cost: 1 << 30, blockSize: 31, parallelism: 1))
        }
    }
}
