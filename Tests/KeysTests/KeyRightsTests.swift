import Bytes
import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Keys

/// No key has more than its maker: attribute by attribute, as values and through the service.
@Suite struct KeyRightsTests {
    static let maker = KeyRights(
        scopes: ["keys.*", "retrieval.read"], expireMicros: 1_000,
        networks: ["10.0.0.0/8", "2001:db8::/32"].compactMap(IPNetwork.init),
        perMinute: 600, perHour: 10_000, burst: 0, concurrent: 8)

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let excess: KeyRights.Excess?
        let change: @Sendable (inout KeyRights) -> Void
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "the same", excess: nil) { _ in },
        Case(name: "fewer scopes", excess: nil) { $0.scopes = ["keys.read"] },
        Case(name: "another scope", excess: .scopes) { $0.scopes = ["keys.read", "retrieval.write"] },
        Case(name: "the family of a scope", excess: .scopes) { $0.scopes = ["retrieval.*"] },
        Case(name: "all scopes", excess: .scopes) { $0.scopes = ["*"] },
        Case(name: "ends before", excess: nil) { $0.expireMicros = 999 },
        Case(name: "ends after", excess: .expiry) { $0.expireMicros = 1_001 },
        Case(name: "never ends", excess: .expiry) { $0.expireMicros = nil },
        Case(name: "a network within", excess: nil) { $0.networks = ["10.1.0.0/16"].compactMap(IPNetwork.init) },
        Case(name: "an address within", excess: nil) { $0.networks = ["2001:db8::7"].compactMap(IPNetwork.init) },
        Case(name: "from anywhere", excess: .networks) { $0.networks = [] },
        Case(name: "a wider network", excess: .networks) { $0.networks = ["8.0.0.0/6"].compactMap(IPNetwork.init) },
        Case(name: "another network beside", excess: .networks) {
            $0.networks = ["10.1.0.0/16", "11.0.0.0/8"].compactMap(IPNetwork.init)
        },
        Case(name: "everything", excess: .networks) { $0.networks = ["::/0"].compactMap(IPNetwork.init) },
        Case(name: "lower limits", excess: nil) { ($0.perMinute, $0.perHour, $0.burst, $0.concurrent) = (60, 1, 6, 1) },
        Case(name: "no minute's limit", excess: .limits) { $0.perMinute = 0 },
        Case(name: "a higher minute's limit", excess: .limits) { $0.perMinute = 601 },
        Case(name: "no hour's limit", excess: .limits) { $0.perHour = 0 },
        Case(name: "a higher hour's limit", excess: .limits) { $0.perHour = 10_001 },
        Case(name: "a burst above the maker's tenth", excess: .limits) { $0.burst = 61 },
        Case(name: "a burst of the maker's tenth", excess: nil) { $0.burst = 60 },
        Case(name: "any number of calls at once", excess: .limits) { $0.concurrent = 0 },
        Case(name: "more calls at once", excess: .limits) { $0.concurrent = 9 },
    ]

    @Test(arguments: cases) func whatIsMoreIsSeen(_ each: Case) {
        var child = Self.maker
        each.change(&child)
        #expect(child.excess(over: Self.maker) == each.excess)
    }

    @Test func aFreeMakerGivesEverything() {
        let free = KeyRights(
            scopes: ["*"], expireMicros: nil, networks: [], perMinute: 0, perHour: 0, burst: 0, concurrent: 0)
        for each in Self.cases {
            var child = Self.maker
            each.change(&child)
            #expect(child.excess(over: free) == nil, "\(each.name)")
        }
        #expect(free.excess(over: free) == nil)
    }

    /// What a maker lacks, by attribute: how an operator binds it, and what it then asks for.
    struct Bond: Sendable, CustomTestStringConvertible {
        let reason: String
        let bind: @Sendable (inout Ragdz_V1_CreateKeyRequest) -> Void
        var testDescription: String { reason }
    }

    static let bonds = [
        Bond(reason: "SCOPE_NOT_HELD") { $0.scopes = ["keys.*"] },
        Bond(reason: "EXPIRY_NOT_HELD") { $0.ttl = .init(seconds: 3_600, nanos: 0) },
        Bond(reason: "NETWORK_NOT_HELD") { $0.allowedNetworks = ["127.0.0.0/8"] },
        Bond(reason: "LIMIT_NOT_HELD") {
            $0.limits = Ragdz_V1_KeyLimits()
            $0.limits?.requestsPerMinute = 6_000
        },
        Bond(reason: "LIMIT_NOT_HELD") {
            $0.limits = Ragdz_V1_KeyLimits()
            $0.limits?.requestsPerHour = 6_000
        },
        Bond(reason: "LIMIT_NOT_HELD") {
            $0.limits = Ragdz_V1_KeyLimits()
            $0.limits?.concurrentCalls = 6
        },
    ]

    private func free(_ name: String) -> Ragdz_V1_CreateKeyRequest {
        var request = Ragdz_V1_CreateKeyRequest()
        request.name = name
        request.scopes = ["*"]
        return request
    }

    @Test(arguments: bonds) func aBoundKeyCannotFreeItself(_ bond: Bond) async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        var bound = free("bound")
        bond.bind(&bound)
        bound.tenantID = tenant.description
        let maker = try MadeKey(try await world.asOperator(Ragdz_V1_Keys.Methods.createKey, bound))
        let strong = try await world.makeKey(tenant)

        func refused<R: Message>(_ method: MethodDescriptor, _ request: R) async -> String? {
            await status { try await world.callRaw(method, request, key: maker.secret, peer: "127.0.0.1:1") }?.reason
        }
        // It makes no free key,
        #expect(await refused(Ragdz_V1_Keys.Methods.createKey, free("child")) == bond.reason)
        // takes over none by rotating it,
        var rotation = Ragdz_V1_RotateKeyRequest()
        rotation.id = strong.key.id
        #expect(await refused(Ragdz_V1_Keys.Methods.rotateKey, rotation) == bond.reason)
        // and turns none on that was turned off.
        var change = Ragdz_V1_UpdateKeyRequest()
        change.key = strong.key
        change.updateMask = .init(paths: ["status"])
        #expect(await refused(Ragdz_V1_Keys.Methods.updateKey, change) == bond.reason)
        let after = try await world.get(strong.key.id, key: strong.secret)
        #expect(after == strong.key, "nothing of what was refused was done")
        #expect(try await world.keyCount(tenant) == 2)

        // A key that is bound as it is, it does make and free of nothing.
        bound.tenantID = ""
        if bound.ttl != nil { bound.ttl = .init(seconds: 1_800, nanos: 0) }
        let child = try MadeKey(
            Ragdz_V1_KeyWithSecret(
                wire: try await world.callRaw(
                    Ragdz_V1_Keys.Methods.createKey, bound, key: maker.secret, peer: "127.0.0.1:1")))
        var wider = Ragdz_V1_UpdateKeyRequest()
        wider.key = Ragdz_V1_Key()
        wider.key?.id = child.key.id
        if ["NETWORK_NOT_HELD", "LIMIT_NOT_HELD"].contains(bond.reason) {
            wider.updateMask = .init(paths: ["allowed_networks", "limits"])
            #expect(await refused(Ragdz_V1_Keys.Methods.updateKey, wider) == bond.reason)
        }
        // Turning a stronger key off takes rights and gives none.
        change.key?.status = .disabled
        #expect(
            await refused(Ragdz_V1_Keys.Methods.updateKey, change)
                == (bond.reason == "SCOPE_NOT_HELD" ? bond.reason : nil))
    }
}
