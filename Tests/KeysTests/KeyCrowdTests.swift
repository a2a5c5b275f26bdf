import Bytes
import Keys
import Postgres
import RPC
import Schema
import Support
import Testing

/// Keys in numbers that nobody should have, and hands that all reach for the same one.
@Suite(.serialized) struct KeyCrowdTests {
    @Test func tenThousandKeysOfOneTenantAreListedPageByPage() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let own = try await world.makeKey(tenant)
        // Beyond what the plan gives: an operator has lifted the limit.
        try await world.database.asOwner(
            "insert into ragdz.quota_overrides (tenant_id, quota, allowed) values ($1, 'keys', null)", [tenant])
        // Many of them were made in the same microsecond.
        let insert = Statement(
            name: "crowd",
            sql: """
                insert into ragdz.keys (tenant_id, key_id, name, scopes, create_time)
                select '\(tenant)', 'K' || lpad(i::text, 21, '0'), 'crowd', '{retrieval.read}',
                    now() + (i / 1000) * interval '1 microsecond'
                from generate_series(1, 9999) i
                """)
        try await world.database.database.execute(insert, [], as: .tenant(tenant))
        var seen: Set<String> = []
        var request = Ragdz_V1_ListKeysRequest()
        request.pageSize = 200
        var pages = 0
        repeat {
            let page: Ragdz_V1_ListKeysResponse = try await world.call(
                Ragdz_V1_Keys.Methods.listKeys, request, key: own.secret)
            #expect(page.keys.count <= 200)
            for key in page.keys { #expect(seen.insert(key.id).inserted, "\(key.id) comes twice") }
            request.pageToken = page.nextPageToken
            pages += 1
        } while !request.pageToken.isEmpty && pages < 100
        #expect(seen.count == 10_000 && pages == 50)
        // One of many is found as fast as one of few, and a limit that comes back stops only what is new.
        #expect(try await world.get("K" + String(repeating: "0", count: 17) + "5000", key: own.secret).name == "crowd")
        try await world.database.asOwner("delete from ragdz.quota_overrides where tenant_id = $1", [tenant])
        var create = Ragdz_V1_CreateKeyRequest()
        create.name = "one more"
        create.scopes = ["*"]
        let refused = await status { [create] in
            try await world.call(
                Ragdz_V1_Keys.Methods.createKey, create, key: own.secret, returning: Ragdz_V1_KeyWithSecret.self)
        }
        #expect(refused?.code == .resourceExhausted && refused?.reason == "QUOTA_EXCEEDED")
        #expect(refused?.details.errorInfo?.metadata["quota"] == "keys")
        // Nothing but the refusal: no key, no secret, no entry of the log.
        #expect(try await world.database.ownerRows("select name from ragdz.keys where name = 'one more'").isEmpty)
        await world.database.close()
    }

    @Test func aThousandRacersRotateOneKey() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let target = try await world.makeKey(tenant, scopes: ["keys.read"])
        let results = await withTaskGroup(of: Result<String, any Error>.self) { group in
            for _ in 0..<1_000 {
                group.addTask {
                    do { return .success(try await Self.rotate(world, target.key.id, admin.secret)) } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: [Result<String, any Error>]()) { $0.append($1) }
        }
        let secrets = results.compactMap { try? $0.get() }
        for result in results {
            if case .failure(let error) = result { Issue.record("a rotation failed: \(error)") }
        }
        #expect(Set(secrets).count == 1_000, "each got a secret of its own")
        // The newest one and the one before open the key; no other does.
        var open = 0
        for secret in secrets + [target.secret]
        where await status({ try await world.get(target.key.id, key: secret) }) == nil {
            open += 1
        }
        #expect(open == 2)
        let generations = try await world.database.ownerRows(
            "select generation::text from ragdz.key_secrets where key_id = '\(target.key.id)' order by generation")
        #expect(generations == ["1000", "1001"], "no rotation was lost")
        let entries = try await world.database.ownerRows(
            "select count(*)::text from ragdz.audit_log where action = 'key.rotate' and tenant_id = '\(tenant)'")
        #expect(entries == ["1000"])
        await world.database.close()
    }

    /// As a client would: who is told that the database is busy comes again.
    private static func rotate(_ world: KeysWorld, _ id: String, _ key: String) async throws -> String {
        while true {
            do { return try await world.rotate(id, graceSeconds: 3_600, key: key).secret } catch let refused as Status
                where refused.code == .resourceExhausted || refused.code == .unavailable
            {
                try await Task.sleep(for: refused.retryAfter ?? .milliseconds(50))
            }
        }
    }
}
