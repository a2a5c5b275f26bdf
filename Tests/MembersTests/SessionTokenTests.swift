import Bytes
import RPC
import Testing

@testable import Members

@Suite struct SessionTokenTests {
    private static let one = "1:" + String(repeating: "a1", count: 32)
    private static let two = "2:" + String(repeating: "b2", count: 32)
    private let id = UUID128(hi: 0x0123_4567_89AB_4DEF, lo: 0x8123_4567_89AB_CDEF)

    private func keys(_ text: String...) throws -> SessionKeys { try SessionKeys(parsing: text.joined(separator: ",")) }

    private func token(_ kind: SessionToken.Kind = .session) -> SessionToken {
        SessionToken(kind: kind, session: id, generation: 7, end: 4_000_000_000)
    }

    @Test func whatWasSignedIsRead() throws {
        let keys = try keys(Self.one)
        for kind in SessionToken.Kind.allCases {
            let text = token(kind).text(keys)
            #expect(text.utf8.count == SessionToken.length)
            #expect(SessionToken.read(text, kind, keys) == token(kind))
            // One kind never passes as the other.
            let other: SessionToken.Kind = kind == .session ? .refresh : .session
            #expect(SessionToken.read(text, other, keys) == nil)
            let renamed = text.replacing(kind.rawValue, with: other.rawValue)
            #expect(SessionToken.read(renamed, other, keys) == nil)
        }
    }

    @Test func everyChangedCutOrLongerTextIsRefused() throws {
        let keys = try keys(Self.one)
        let text = token().text(keys)
        for length in 0..<text.count { #expect(SessionToken.read(String(text.prefix(length)), .session, keys) == nil) }
        for suffix in ["0", " ", "\n", "é", "\0"] {
            #expect(SessionToken.read(text + suffix, .session, keys) == nil)
        }
        let bytes = Array(text.utf8)
        for index in bytes.indices {
            for change in [UInt8(0x01), 0x20, 0x10, 0x80] {
                var changed = bytes
                changed[index] ^= change
                let text = String(decoding: changed, as: UTF8.self)
                #expect(SessionToken.read(text, .session, keys) == nil, "byte \(index) ^ \(change)")
            }
        }
        #expect(SessionToken.read(text.uppercased(), .session, keys) == nil)
        #expect(SessionToken.read(String(repeating: "x", count: 1 << 20), .session, keys) == nil)
    }

    @Test func rotationKeepsSessionsUntilTheirKeyGoes() throws {
        let first = try keys(Self.one)
        let text = token().text(first)
        // The new key is given to all servers before any signs with it.
        let prepared = try keys(Self.one, "+" + Self.two)
        #expect(prepared.signingVersion == 1)
        #expect(SessionToken.read(text, .session, prepared) != nil)
        let rotated = try keys(Self.one, Self.two)
        #expect(rotated.signingVersion == 2)
        #expect(SessionToken.read(text, .session, rotated) != nil, "rotation logs nobody out")
        let new = token().text(rotated)
        #expect(
            SessionToken.read(new, .session, prepared) != nil, "a server that was not rotated yet takes the new ones")
        #expect(SessionToken.read(new, .session, first) == nil)
        let done = try keys(Self.two)
        #expect(SessionToken.read(text, .session, done) == nil)
        #expect(SessionToken.read(new, .session, done) != nil)
        // Another key under the same version is another key.
        #expect(SessionToken.read(text, .session, try keys("1:" + String(repeating: "a2", count: 32))) == nil)
    }

    @Test func textsOfKeysAreCheckedAndNeverQuoted() throws {
        let secret = String(repeating: "c3", count: 32)
        for text in [
            "", "1", "x:\(secret)", "0:\(secret)", "-1:\(secret)", "++1:\(secret)", "+1:\(secret)",
            "1:\(secret.dropLast())",
            "1:\(secret)00", "1:\(secret),1:\(secret)", "4294967296:\(secret)", "1:\(secret):",
            (1...17).map { "\($0):\(secret)" }.joined(separator: ","),
        ] {
            let error = #expect(throws: SessionKeys.Malformed.self, "\(text)") { try SessionKeys(parsing: text) }
            #expect(error?.description.contains("c3c3") == false)
        }
        #expect(try SessionKeys(parsing: " 3 : \(secret) \n+9:\(secret)\r\n1:\(secret)\n").signingVersion == 3)
        #expect(try SessionKeys(parsing: try SessionKeys.generateText()).signingVersion == 1)
    }

    @Test func aTokenLivesThroughItsTimeOnce() {
        let lifetimes = SessionLifetimes.defaults
        let end: UInt32 = 1_000_600
        #expect(lifetimes.isCurrent(end: end, nowSeconds: 1_000_000))
        #expect(lifetimes.isCurrent(end: end, nowSeconds: 1_000_599))
        #expect(!lifetimes.isCurrent(end: end, nowSeconds: 1_000_600))
        #expect(!lifetimes.isCurrent(end: end, nowSeconds: 9_000_000_000))
        // Clocks of two servers differ a little; one that jumped back far revives nothing.
        #expect(lifetimes.isCurrent(end: end, nowSeconds: 999_940))
        #expect(!lifetimes.isCurrent(end: end, nowSeconds: 999_939))
        #expect(!lifetimes.isCurrent(end: end, nowSeconds: 0))
        #expect(!lifetimes.isCurrent(end: .max, nowSeconds: 1_000_000))
    }

    /// The life of a family of refresh tokens, as a transcript.
    @Test func refreshing() {
        func decide(_ presented: UInt32, at generation: Int64, age: Int64 = 60_000_000, isOver: Bool = false)
            -> RefreshDecision
        {
            .of(
                presented: presented, generation: generation, ageMicros: age, isOver: isOver, lifetimes: .defaults)
        }
        #expect(decide(1, at: 1) == .advance)
        // The answer was lost, or two windows asked at once.
        #expect(decide(1, at: 2, age: 0) == .again)
        #expect(decide(1, at: 2, age: 9_999_999) == .again)
        // Ten seconds later it is somebody else.
        #expect(decide(1, at: 2, age: 10_000_000) == .reuse)
        #expect(decide(1, at: 3, age: 0) == .reuse, "only the one just before")
        #expect(decide(0, at: 1, age: 60_000_000) == .reuse)
        #expect(decide(2, at: 2) == .advance)
        #expect(decide(1, at: 2, age: -5) == .reuse, "a clock that jumped back proves nothing")
        #expect(decide(3, at: 2) == .ended, "a database that was set back")
        for age: Int64 in [0, 60_000_000] {
            #expect(decide(2, at: 2, age: age, isOver: true) == .ended)
            #expect(decide(1, at: 2, age: age, isOver: true) == .ended)
        }
        #expect(decide(.max, at: Int64(UInt32.max)) == .ended, "the last number is the end")
    }

    @Test func invitations() throws {
        let token = try InvitationToken()
        let read = try #require(InvitationToken(token.revealed))
        #expect(read.id == token.id && read.matches(token.hash))
        #expect(!"\(token)".contains(token.revealed.suffix(20)), "printing one shows no secret")
        #expect(try !InvitationToken().matches(token.hash))
        for length in 0..<token.revealed.count {
            #expect(InvitationToken(String(token.revealed.prefix(length))) == nil)
        }
        #expect(InvitationToken(token.revealed + "0") == nil)
        #expect(InvitationToken("ragdz_invite_" + String(repeating: "é", count: 49)) == nil)
    }
}
