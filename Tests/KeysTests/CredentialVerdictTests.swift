import Bytes
import Keys
import RPC
import Testing

@Suite struct KeyAnnouncementTests {
    @Test func unreadableAnnouncementsAreNotUnderstood() {
        for text in ["", "key", "tenant:x", "nonsense:1", ":"] { #expect(KeyAnnouncement(text) == nil) }
        #expect(KeyAnnouncement("operator:z") == .credential(.init(kind: .platformOperator, id: "z")))
        #expect(KeyAnnouncement("key:z") != KeyAnnouncement("operator:z"))
    }

    @Test func aReferenceIsItsKindAndID() throws {
        let key = try APIKey.generate(.live)
        #expect(key.reference.id == key.id)
        #expect(key.reference == KeyReference(kind: .live, id: key.id))
        #expect(key.reference != KeyReference(kind: .platformOperator, id: key.id))
        #expect(Set([key.reference, KeyReference(kind: .live, id: key.id)]).count == 1)
        for index in key.id.indices {
            var id = key.id
            id.replaceSubrange(index...index, with: id[index] == "x" ? "y" : "x")
            #expect(key.reference != KeyReference(kind: .live, id: id))
        }
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
