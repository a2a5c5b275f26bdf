import Bytes
import Logging
import Postgres
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Keys

/// The cache of a running server: filled by calls, emptied by what the database announces.
@Suite(.timeLimit(.minutes(2))) struct AuthenticatorTests {
    /// Runs `body` while the authenticator listens.
    func listening(_ world: KeysWorld, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await world.authenticator.run() }
            do { try await body() } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    /// Calls until the call fails: its reason. That the time is short is measured by `scripts/revocation.sh`.
    func refusal(_ body: () async throws -> Any) async throws -> String? {
        while true {
            try Task.checkCancellation()
            if let status = await status(body) { return status.reason }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    @Test func revocationAndSuspensionReachAWarmCache() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        try await listening(world) {
            for _ in 0..<5 {
                let made = try await world.makeKey(tenant)
                for _ in 0..<20 { _ = try await world.get(made.key.id, key: made.secret) }
                // Another server's change: this process learns of it from the database alone.
                try await world.database.asOwner(
                    "update ragdz.keys set revoke_time = now() where key_id = '\(made.key.id)'")
                let reason = try await refusal { try await world.get(made.key.id, key: made.secret) }
                #expect(reason == "KEY_REVOKED")
            }
            _ = try await world.get(admin.key.id, key: admin.secret)
            try await world.database.asOwner(
                "update ragdz.tenants set status = 'suspended' where tenant_id = '\(tenant)'")
            let reason = try await refusal { try await world.get(admin.key.id, key: admin.secret) }
            #expect(reason == "TENANT_SUSPENDED")
            #expect(await status { try await world.get(admin.key.id, key: admin.secret) }?.code == .permissionDenied)
        }
    }

    @Test func whoChangesAKeySeesItInTheNextCall() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        try await listening(world) {
            for _ in 0..<10 {
                let made = try await world.makeKey(tenant)
                _ = try await world.get(made.key.id, key: made.secret)
                let second = try await world.rotate(made.key.id, graceSeconds: 0, key: made.secret)
                #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_EXPIRED")
                _ = try await world.get(made.key.id, key: second.secret)
                _ = try await world.revoke(made.key.id, key: admin.secret)
                #expect(await status { try await world.get(made.key.id, key: second.secret) }?.reason == "KEY_REVOKED")
            }
        }
    }

    @Test func aKeyThatWasUnknownWorksAsSoonAsItExists() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let key = try APIKey.generate(.live)
        let (version, hash) = world.pepper.hash(key)
        try await listening(world) {
            try await Task.sleep(for: .milliseconds(100))
            for _ in 0..<3 {
                #expect(await status { try await world.get(key.id, key: key.revealed) }?.reason == "KEY_UNKNOWN")
            }
            try await world.database.asOwner(
                """
                with made as (insert into ragdz.keys (tenant_id, key_id, name, scopes)
                    values ('\(tenant)', '\(key.id)', 'x', '{*}') returning *)
                insert into ragdz.key_secrets (tenant_id, key_id, generation, pepper_version, hash)
                values ('\(tenant)', '\(key.id)', 1, \(version), '\\x\(Hex.encode(hash))')
                """)
            while await status({ try await world.get(key.id, key: key.revealed) })?.reason == "KEY_UNKNOWN" {
                try await Task.sleep(for: .milliseconds(5))
            }
            _ = try await world.get(key.id, key: key.revealed)
        }
    }

    /// The other process hears of a rotation some time after the answer, or never.
    @Test func aNewSecretIsKnownBeforeItsAnnouncement() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let made = try await world.makeKey(tenant)
        let other = try await KeysWorld(on: world.database, ownConnections: true)
        try await listening(other) {
            // Nothing is announced from here on.
            try await world.database.asOwner("alter table ragdz.keys disable trigger keys_announce")
            try await world.database.asOwner("alter table ragdz.key_secrets disable trigger key_secrets_announce")
            try await Task.sleep(for: .milliseconds(100))
            var secrets = [made.secret]
            for _ in 0..<5 {
                _ = try await other.get(made.key.id, key: secrets[secrets.count - 1])
                let next = try await world.rotate(made.key.id, graceSeconds: 3_600, key: secrets[secrets.count - 1])
                _ = try await other.get(made.key.id, key: next.secret)
                _ = try await other.get(made.key.id, key: secrets[secrets.count - 1])
                secrets.append(next.secret)
            }
            // A secret that nobody has is refused however often it is compared.
            let stranger = try APIKey.generate(.live, id: made.key.id).revealed
            for _ in 0..<500 {
                #expect(await status { try await other.get(made.key.id, key: stranger) }?.reason == "KEY_UNKNOWN")
            }
            _ = try await other.get(made.key.id, key: secrets[secrets.count - 1])
        }
        await other.server.close()
    }

    @Test func secondLooksAreCounted() {
        var looks = SecondLooks()
        func take(_ count: Int, at now: Int64) -> Int { (0..<count).count { _ in looks.take(now: now) } }
        #expect(take(1_000, at: 1_000_000) == 200)
        #expect(take(1, at: 1_004_999) == 0)
        #expect(take(2, at: 1_005_000) == 1)
        #expect(take(1_000, at: 60_000_000) == 200)
    }

    @Test func withoutTheListenerEveryCallAsksTheDatabase() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let made = try await world.makeKey(tenant)
        for _ in 0..<5 { _ = try await world.get(made.key.id, key: made.secret) }
        try await world.database.asOwner(
            "update ragdz.keys set revoke_time = now() where key_id = '\(made.key.id)'")
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_REVOKED")
    }

    @Test func aHeaderCannotChooseTheTenant() async throws {
        let world = try await KeysWorld()
        let mine = try await world.makeKey(try await world.makeTenant())
        let foreign = try await world.makeKey(try await world.makeTenant())
        let method = Ragdz_V1_Keys.Methods.listKeys
        var metadata = Metadata()
        metadata.add("authorization", "Bearer \(mine.secret)")
        for header in ["x-tenant-id", "tenant", "x-ragdz-tenant", "ragdz.tenant"] {
            metadata.add(header, foreign.key.tenantID)
        }
        let bytes = try await world.router.callUnary(
            method.path, request: [], context: ServerContext(method: method, metadata: metadata))
        #expect(try Ragdz_V1_ListKeysResponse(wire: bytes).keys.map(\.id) == [mine.key.id])
        metadata.add("authorization", "Bearer \(foreign.secret)")
        let two = metadata
        let status = await status {
            try await world.router.callUnary(
                method.path, request: [], context: ServerContext(method: method, metadata: two))
        }
        #expect(status?.reason == "CREDENTIAL_MALFORMED")
    }

    @Test func theFirstOperatorIsMadeOnce() async throws {
        let world = try await KeysWorld()
        let credential = try #require(
            try await FirstOperator.create(database: world.database.database, pepper: world.pepper))
        #expect(try await FirstOperator.create(database: world.database.database, pepper: world.pepper) == nil)
        #expect(try await world.authenticator.authenticate(credential) == .platformOperator(name: "root"))
        let status = await status { try await world.get(try APIKey.generate(.live).id, key: credential) }
        #expect(status?.reason == "TENANT_KEY_REQUIRED")
    }

    @Test func theLastUseIsWrittenDown() async throws {
        let world = try await KeysWorld()
        let made = try await world.makeKey(try await world.makeTenant())
        #expect(made.key.lastUsedTime == nil)
        try await listening(world) {
            _ = try await world.get(made.key.id, key: made.secret)
            while try await world.get(made.key.id, key: made.secret).lastUsedTime == nil {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }
}

/// What crosses row-level security, and what does not.
@Suite struct KeyIsolationTests {
    static let definers = [
        "ragdz.begin_login ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.begin_vector_set ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.chain_audit_entry ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.claim_due_ingests ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.claim_due_reembeddings ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.claim_due_steps ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.claim_eval_run ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.count_documents ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.count_keys ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.count_rows ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.count_shelves ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.count_tenant_rows ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.documents_to_index ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.erase_tenant_rows ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.find_invitation ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.find_key ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.find_operator_credential ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.find_session ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.forget_ingests ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.forget_quotes ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.link_operator_entry ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.move_vectors ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.place_chunk ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.place_document ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.place_vector ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.purge_conversations ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.purge_streams ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.recount_quotas ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.release_ingest ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.release_quotas ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.remove_retired_vectors ragdz_definer search_path=pg_catalog, pg_temp;plan_cache_mode=auto",
        "ragdz.renew_shelves ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.reserve_ingest ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.search_chunks ragdz_definer search_path=pg_catalog, pg_temp;jit=off;plan_cache_mode=auto;enable_seqscan=off",
        "ragdz.shared_corpora ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.shared_documents ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.spread_groups ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.tenant_stats ragdz_definer search_path=pg_catalog, pg_temp",
        "ragdz.turn_quota ragdz_definer search_path=pg_catalog, pg_temp",
    ]

    @Test func securityDefinerFunctionsAreTheOnesListedHere() async throws {
        let world = try await KeysWorld()
        let functions = try await world.database.ownerRows(
            """
            select n.nspname || '.' || p.proname || ' ' || pg_get_userbyid(p.proowner) || ' '
                || coalesce(array_to_string(p.proconfig, ';'), 'no search_path')
            from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
            order by 1
            """)
        // Why each may cross row-level security:
        // claim_due_steps: a worker serves all tenants, and learns of each only which step is due;
        // claim_due_ingests, forget_ingests: the same for documents on their way, and the end of what is long over;
        // claim_due_reembeddings: the same for collections on their way to another model;
        // remove_retired_vectors: vectors that no search looks at go, of all tenants, and a number comes back;
        // begin_vector_set: a trigger that gives a new collection its set of vectors;
        // reserve_ingest, release_ingest: triggers that set room aside in those counters and give it back;
        // count_*: triggers that keep the counters of quotas, which nobody may write by hand;
        // recount_quotas, tenant_stats: operators compare and look, and get numbers;
        // release_quotas: what dead holders had set aside goes back, of all tenants;
        // turn_quota: a tenant's own reservations, against counters that it may not write;
        // documents_to_index: a new analyzer serves all tenants, and learns of each only which document is out of date;
        // find_key, find_operator_credential: the caller is not known before its credential is found;
        // count_shelves, place_*, renew_shelves: triggers that keep shelves, which nobody may write by hand;
        // move_vectors: large tenants move to partitions of their own, and only ids and numbers come back;
        // claim_eval_run: as claim_due_steps, for evaluations;
        // forget_quotes: answers that quote a document go with it, also where the document was shared;
        // purge_*: what has expired, of all tenants, and a number comes back;
        // shared_corpora: which corpora the tenant of the transaction reads beside its own, as ids;
        // shared_documents: documents of these by their ids; spread_groups: a trigger, from a collection to what stands in it;
        // search_chunks: full text is not leakproof, so that its index is unused under row-level security; the tenant is
        // that of the transaction.
        #expect(functions == Self.definers)
        let open = try await world.database.ownerRows(
            """
            select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
            where p.prosecdef and n.nspname = 'ragdz' and has_function_privilege('public', p.oid, 'execute')
            """)
        #expect(open.isEmpty, "nobody but the roles that are named may call them")
    }
}
