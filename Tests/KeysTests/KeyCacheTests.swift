import Bytes
import Keys
import RPC
import Testing

@Suite struct KeyCacheTests {
    let key = APIKey.Reference(kind: .live, id: "a")
    let tenant = UUID128.v4()
    let limits = KeyCache.Limits(lifetimeMicros: 100, maximumEntries: 3)

    var record: KeyRecord {
        KeyRecord(owner: .tenant(tenant, status: "active", scopes: ["*"]), secrets: [])
    }

    func ticket(_ answer: KeyCache.Answer) throws -> KeyCache.Ticket {
        guard case .ask(let ticket) = answer else { throw Unexpected() }
        return ticket
    }
    struct Unexpected: Error {}

    @Test func anEntryLivesForItsLifetime() throws {
        var cache = KeyCache(limits: limits)
        cache.trust()
        let ticket = try ticket(cache.lookUp(key, now: 0))
        cache.remember(key, record, ticket: ticket, now: 0)
        #expect(cache.lookUp(key, now: 99) == .found(record))
        #expect(cache.lookUp(key, now: 100) == .ask(ticket))
    }

    @Test func nothingIsRememberedWithoutTrust() throws {
        var cache = KeyCache(limits: limits)
        cache.remember(key, record, ticket: try ticket(cache.lookUp(key, now: 0)), now: 0)
        #expect(cache.count == 0)
        cache.trust()
        cache.remember(key, record, ticket: try ticket(cache.lookUp(key, now: 0)), now: 0)
        #expect(cache.count == 1)
        cache.distrust()
        #expect(cache.count == 0)
        cache.remember(key, record, ticket: try ticket(cache.lookUp(key, now: 0)), now: 0)
        #expect(cache.count == 0)
    }

    @Test func anAnnouncementDropsItsKeyOnly() throws {
        var cache = KeyCache(limits: limits)
        cache.trust()
        let other = APIKey.Reference(kind: .live, id: "b")
        let ticket = try ticket(cache.lookUp(key, now: 0))
        cache.remember(key, record, ticket: ticket, now: 0)
        cache.remember(other, record, ticket: ticket, now: 0)
        cache.forget(try #require(KeyCache.Announcement("key:a")))
        #expect(try self.ticket(cache.lookUp(key, now: 1)) != ticket)
        #expect(cache.lookUp(other, now: 1) == .found(record))
        cache.forget(try #require(KeyCache.Announcement("tenant:\(tenant)")))
        #expect(cache.count == 0)
    }

    @Test func aLookupThatWasOvertakenIsNotRemembered() throws {
        var cache = KeyCache(limits: limits)
        cache.trust()
        let ticket = try ticket(cache.lookUp(key, now: 0))
        cache.forget(.credential(key))
        cache.remember(key, record, ticket: ticket, now: 1)
        #expect(cache.count == 0)
    }

    @Test func absenceIsRememberedApartAndPerKind() throws {
        var cache = KeyCache(limits: limits)
        cache.trust()
        let ticket = try ticket(cache.lookUp(key, now: 0))
        cache.remember(key, record, ticket: ticket, now: 0)
        // Somebody who knows the id sends it as an operator's: the tenant's key must not suffer.
        cache.remember(APIKey.Reference(kind: .platformOperator, id: "a"), nil, ticket: ticket, now: 0)
        #expect(cache.lookUp(APIKey.Reference(kind: .platformOperator, id: "a"), now: 1) == .absent)
        #expect(cache.lookUp(key, now: 1) == .found(record))
        for index in 0..<10 {
            cache.remember(APIKey.Reference(kind: .live, id: "x\(index)"), nil, ticket: ticket, now: 0)
        }
        #expect(cache.lookUp(key, now: 1) == .found(record), "guessing does not push real keys out")
        #expect(cache.count <= 4)
    }

    @Test func unreadableAnnouncementsAreNotUnderstood() {
        for text in ["", "key", "tenant:x", "nonsense:1", ":"] { #expect(KeyCache.Announcement(text) == nil) }
        #expect(KeyCache.Announcement("operator:z") == .credential(.init(kind: .platformOperator, id: "z")))
    }
}

@Suite struct CredentialVerdictTests {
    let pepper: Pepper
    let key: APIKey
    let tenant = UUID128.v4()

    init() throws {
        pepper = try Pepper(parsing: PepperTests.one)
        key = try APIKey.generate(.live)
    }

    func record(status: String = "active") -> KeyRecord {
        let (version, hash) = pepper.hash(key)
        return KeyRecord(
            owner: .tenant(tenant, status: status, scopes: ["retrieval.read"]),
            secrets: [.init(pepperVersion: version, hash: hash)])
    }

    func verdict(_ record: KeyRecord?, _ presented: APIKey? = nil) -> CredentialVerdict {
        .of(presented ?? key, record: record, pepper: pepper, now: 1000)
    }

    @Test func aGoodKeyIsItsTenant() {
        let identity = CallIdentity.tenantKey(tenant: tenant, keyID: key.id, scopes: ["retrieval.read"])
        #expect(verdict(record()) == .accepted(identity))
        #expect(verdict(record(status: "trial")) == .accepted(identity))
    }

    @Test func withoutTheSecretNothingIsTold() throws {
        let thief = try APIKey.generate(.live, id: key.id)
        var revoked = record()
        revoked.isRevoked = true
        for state in [nil, record(), revoked, record(status: "suspended")] {
            #expect(verdict(state, thief) == .unknown)
        }
        #expect(verdict(nil) == .unknown)
    }

    @Test func theHolderIsToldWhy() {
        var state = record()
        state.isRevoked = true
        #expect(verdict(state) == .revoked)
        state = record()
        state.isDisabled = true
        #expect(verdict(state) == .disabled)
        state = record()
        state.expireMicros = 1000
        #expect(verdict(state) == .expired)
        state.expireMicros = 1001
        #expect(verdict(state) != .expired)
        #expect(verdict(record(status: "suspended")) == .tenantSuspended)
        #expect(verdict(record(status: "deleting")) == .tenantDeleted)
        #expect(verdict(record(status: "something new")) == .tenantDeleted)
    }

    @Test func twoSecretsLiveUntilTheGraceEnds() throws {
        let second = try APIKey.generate(.live, id: key.id)
        var state = record()
        state.secrets[0].expireMicros = 1001
        let (version, hash) = pepper.hash(second)
        state.secrets.insert(.init(pepperVersion: version, hash: hash), at: 0)
        #expect(verdict(state, key) == verdict(state, second))
        state.secrets[1].expireMicros = 1000
        #expect(verdict(state, key) == .expired)
        #expect(
            verdict(state, second) == .accepted(.tenantKey(tenant: tenant, keyID: key.id, scopes: ["retrieval.read"])))
    }
}
