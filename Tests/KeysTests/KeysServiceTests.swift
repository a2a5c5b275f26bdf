import Bytes
import Keys
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@Suite struct KeysServiceTests {
    @Test func aKeyWorksAndShowsItsSecretOnce() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let made = try await world.makeKey(tenant, ttlMicros: 3_600_000_000)
        #expect(try APIKey.parse(made.secret).id == made.key.id)
        #expect(made.key.status == .active)
        #expect(made.key.liveSecrets == 1)
        let got = try await world.get(made.key.id, key: made.secret)
        #expect(got == made.key)
        #expect(got.tenantID == tenant.description)
        let stored = try await world.database.ownerRows(
            "select coalesce(string_agg(r::text, ' '), '') from (select * from ragdz.keys) r "
                + "union all select coalesce(string_agg(r::text, ' '), '') from ragdz.key_secrets r "
                + "union all select coalesce(string_agg(r::text, ' '), '') from ragdz.audit_log r")
        let secret = String(made.secret.dropFirst(34).prefix(43))
        #expect(stored.joined().contains(made.key.id))
        #expect(!stored.joined().contains(secret), "the secret is stored nowhere")
    }

    @Test func badCredentialsAreRefusedWithTheirReasons() async throws {
        let world = try await KeysWorld()
        let made = try await world.makeKey(try await world.makeTenant())
        let short = try await world.makeKey(try await world.makeTenant(), ttlMicros: 1)
        try await Task.sleep(for: .milliseconds(2))
        let stranger = try APIKey.generate(.live).revealed
        let thief = try APIKey.generate(.live, id: made.key.id).revealed
        for (key, reason) in [
            (nil, "CREDENTIAL_MISSING"), ("", "CREDENTIAL_MALFORMED"), ("x", "KEY_MALFORMED"),
            (String(made.secret.dropLast()), "KEY_MALFORMED"), (made.secret + "a", "KEY_MALFORMED"),
            (stranger, "KEY_UNKNOWN"), (thief, "KEY_UNKNOWN"), (short.secret, "KEY_EXPIRED"),
            (try APIKey.generate(.platformOperator).revealed, "KEY_UNKNOWN"),
        ] {
            let status = await status { try await world.get(made.key.id, key: key) }
            #expect(status?.code == .unauthenticated)
            #expect(status?.reason == reason)
        }
        let unknown = await status { try await world.get(made.key.id, key: stranger) }
        #expect(await status { try await world.get(made.key.id, key: thief) } == unknown)
        #expect(await status { try await world.get(made.key.id, key: made.secret) } == nil)
    }

    @Test func aForeignKeyAndNoneLookTheSame() async throws {
        let world = try await KeysWorld()
        let mine = try await world.makeKey(try await world.makeTenant())
        let foreign = try await world.makeKey(try await world.makeTenant())
        let absent = try APIKey.generate(.live).id
        for call in [
            { try await world.get($0, key: mine.secret) as Any },
            { try await world.revoke($0, key: mine.secret) as Any },
            { try await world.rotate($0, graceSeconds: nil, key: mine.secret) as Any },
        ] as [(String) async throws -> Any] {
            let denied = await status { try await call(foreign.key.id) }
            #expect(denied?.code == .notFound)
            #expect(await status { try await call(absent) } == denied)
            #expect(await status { try await call("no id") }?.reason == "INVALID_ID")
        }
        #expect(try await world.get(foreign.key.id, key: foreign.secret) == foreign.key, "nothing happened to it")
    }

    @Test func aKeyGivesAwayOnlyWhatItHolds() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let strong = try await world.makeKey(tenant)
        let weak = try await world.makeKey(tenant, scopes: ["keys.write", "keys.read", "retrieval.*"])
        func create(_ scopes: [String], tenant: String = "") async throws -> MadeKey {
            var request = Ragdz_V1_CreateKeyRequest()
            request.name = "child"
            request.scopes = scopes
            request.tenantID = tenant
            return try MadeKey(
                try await world.call(
                    Ragdz_V1_Keys.Methods.createKey, request, key: weak.secret, returning: Ragdz_V1_KeyWithSecret.self))
        }
        #expect(try await create(["retrieval.read"]).key.scopes == ["retrieval.read"])
        #expect(
            try await create(["retrieval.*", "retrieval.*"], tenant: tenant.description).key.scopes == ["retrieval.*"])
        #expect(await status { try await create(["*"]) }?.reason == "SCOPE_NOT_HELD")
        #expect(await status { try await create(["workflows.read"]) }?.reason == "SCOPE_NOT_HELD")
        #expect(await status { try await create([]) }?.reason == "NO_SCOPES")
        #expect(await status { try await create(["retrieval.fly"]) }?.reason == "UNKNOWN_SCOPE")
        #expect(await status { try await create(["'; --"]) }?.reason == "UNKNOWN_SCOPE")
        let foreign = try await world.makeTenant()
        #expect(
            await status { try await create(["keys.read"], tenant: foreign.description) }?.reason == "FOREIGN_TENANT")
        #expect(
            await status { try await world.rotate(strong.key.id, graceSeconds: nil, key: weak.secret) }?.reason
                == "SCOPE_NOT_HELD", "rotating a stronger key would hand it over")
        let reader = try await world.makeKey(tenant, scopes: ["keys.read"])
        #expect(await status { try await world.revoke(weak.key.id, key: reader.secret) }?.reason == "SCOPE_MISSING")
    }

    @Test func anOperatorNamesATenantThatExists() async throws {
        let world = try await KeysWorld()
        #expect(await status { try await world.makeKey(UUID128.v4()) }?.reason == "TENANT_NOT_FOUND")
        var request = Ragdz_V1_CreateKeyRequest()
        request.name = "x"
        request.scopes = ["*"]
        let method = Ragdz_V1_Keys.Methods.createKey
        let context = ServerContext(method: method, identity: .platformOperator(name: "root"))
        let bytes = request.wireBytes()
        let status = await status { try await world.router.callUnary(method.path, request: bytes, context: context) }
        #expect(status?.reason == "TENANT_ID_REQUIRED")
    }

    @Test func rotationHasAGrace() async throws {
        let world = try await KeysWorld()
        let made = try await world.makeKey(try await world.makeTenant(), scopes: ["keys.*"])
        let second = try await world.rotate(made.key.id, graceSeconds: 60, key: made.secret)
        #expect(second.key.id == made.key.id)
        #expect(second.key.scopes == made.key.scopes)
        #expect(second.key.liveSecrets == 2)
        #expect(second.key.graceEndTime != nil)
        for secret in [made.secret, second.secret] {
            #expect(try await world.get(made.key.id, key: secret).liveSecrets == 2)
        }
        let third = try await world.rotate(made.key.id, graceSeconds: 0, key: second.secret)
        #expect(third.key.liveSecrets == 1)
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_UNKNOWN")
        #expect(await status { try await world.get(made.key.id, key: second.secret) }?.reason == "KEY_EXPIRED")
        #expect(try await world.get(made.key.id, key: third.secret).status == .active)
        #expect(
            await status { try await world.rotate(made.key.id, graceSeconds: 31 * 86_400, key: third.secret) }?.reason
                == "INVALID_GRACE")
        #expect(
            await status { try await world.rotate(made.key.id, graceSeconds: -1, key: third.secret) }?.reason
                == "INVALID_GRACE")
    }

    @Test func fiftyRacersLeaveTwoSecretsOfWhichTheNewestWorks() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let target = try await world.makeKey(tenant)
        let rotated = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<50 {
                group.addTask { try await world.rotate(target.key.id, graceSeconds: 60, key: admin.secret).secret }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(rotated).count == 50)
        #expect(try await world.get(target.key.id, key: admin.secret).liveSecrets == 2)
        var working = 0
        for secret in rotated where await status({ try await world.get(target.key.id, key: secret) }) == nil {
            working += 1
        }
        #expect(working == 2)
    }

    @Test func revokingIsIdempotentAndFinal() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let made = try await world.makeKey(tenant)
        let revoked = try await world.revoke(made.key.id, key: admin.secret)
        #expect(revoked.status == .revoked)
        #expect(revoked.liveSecrets == 0)
        #expect(try await world.revoke(made.key.id, key: admin.secret) == revoked)
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_REVOKED")
        #expect(
            await status { try await world.rotate(made.key.id, graceSeconds: nil, key: admin.secret) }?.reason
                == "KEY_NOT_USABLE")
        let audit = try await world.database.ownerRows(
            "select action from ragdz.audit_log where target = '\(made.key.id)' order by id")
        #expect(audit == ["key.create", "key.revoke"], "the second revocation changed nothing")
    }

    @Test func pagesMeetEveryKeyOfTheTenantOnce() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let first = try await world.makeKey(tenant)
        _ = try await world.makeKey(try await world.makeTenant())
        var made = [first.key.id]
        for _ in 0..<5 { made.append(try await world.makeKey(tenant).key.id) }
        var request = Ragdz_V1_ListKeysRequest()
        request.pageSize = 4
        var seen: [String] = []
        repeat {
            let page: Ragdz_V1_ListKeysResponse = try await world.call(
                Ragdz_V1_Keys.Methods.listKeys, request, key: first.secret)
            seen += page.keys.map(\.id)
            request.pageToken = page.nextPageToken
        } while !request.pageToken.isEmpty && seen.count < 20
        #expect(seen == made)
    }
}
