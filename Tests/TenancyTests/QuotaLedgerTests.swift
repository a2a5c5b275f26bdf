import Bytes
import Postgres
import RPC
import Schema
import Support
import Synchronization
import Testing

@testable import Tenancy

/// What is used up by the month, against a real database.
@Suite struct QuotaLedgerTests {
    /// Calls `count` times at once; how many were let in.
    static func race(_ count: Int, _ ledgers: [QuotaLedger], _ tenant: UUID128) async -> (in: Int, out: [Status]) {
        await withTaskGroup(of: Status?.self) { group in
            for number in 0..<count {
                group.addTask {
                    await status {
                        let ledger = ledgers[number % ledgers.count]
                        let hold = try await ledger.hold(.queries, tenant: tenant)
                        await Task.yield()
                        ledger.settle(hold, real: 1)
                    }
                }
            }
            var admitted = 0
            var refused: [Status] = []
            for await outcome in group {
                if let outcome { refused.append(outcome) } else { admitted += 1 }
            }
            return (admitted, refused)
        }
    }

    @Test func aThousandRacersOnOneNodeAreCountedExactly() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("racers")
        try await world.setQuota("queries", 700, of: tenant)
        let ledger = world.ledger()
        let outcome = await Self.race(1_000, [ledger], tenant)
        #expect(outcome.in == 700)
        #expect(outcome.out.allSatisfy { $0.code == .resourceExhausted && $0.reason == "QUOTA_USED_UP" })
        await ledger.close()
        let queries = try #require(try await world.usage(tenant)["queries"])
        #expect(queries.used == 700 && queries.reserved == 0 && queries.limit == 700 && queries.overridden)
        await world.test.close()
    }

    @Test func fourNodesNeverPassTheLimitTogether() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("nodes")
        try await world.setQuota("queries", 700, of: tenant)
        let ledgers = (0..<4).map { _ in world.ledger() }
        let first = await Self.race(1_000, ledgers, tenant)
        #expect(first.in <= 700 && first.in > 600)
        // What some held while others were refused is back, and whoever comes now gets it.
        for ledger in ledgers { await ledger.close() }
        let second = await Self.race(200, [world.ledger()], tenant)
        #expect(first.in + second.in == 700)
        #expect(try await world.reconcile(tenant).intact)
        await world.test.close()
    }

    @Test func aRefusalSaysWhichQuotaAndWhenItBegins() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("told")
        try await world.setQuota("tokens", 100, of: tenant)
        let ledger = world.ledger()
        let refused = try #require(await status { try await ledger.hold(.tokens, 101, tenant: tenant) })
        #expect(refused.code == .resourceExhausted && refused.reason == "QUOTA_USED_UP")
        let said = try #require(refused.details.errorInfo?.metadata)
        #expect(said["quota"] == "tokens" && said["limit"] == "100" && said["wanted"] == "101")
        #expect(said["reset_time"]?.hasSuffix("23:00:00Z") == true, "midnight in Algiers: \(said)")
        #expect(refused.details.quotaViolations.map(\.subject) == ["quota:tokens"])
        #expect(refused.retryAfter ?? .zero > .zero)
        let french = refused.localized("fr")
        #expect(french.message.contains("jetons") && french.message.contains("100"))
        #expect(french.details.quotaViolations.first?.description == french.message)
        #expect(refused.localized("ar").message.contains("الرموز"))
        #expect(!french.message.contains("{") && !refused.localized("ar").message.contains("{"))
        await world.test.close()
    }

    @Test func whatAHolderThatDiedHadSetAsideComesBack() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("dies")
        let dead = world.ledger()
        let hold = try await dead.hold(.tokens, 5_000, tenant: tenant)
        #expect(try await world.usage(tenant)["tokens"]?.reserved == 5_000)
        let alive = world.ledger()
        #expect(await alive.releaseLate() == 0, "not before its time")
        try await world.expireReservations()
        #expect(await alive.releaseLate() == 1)
        #expect(await alive.releaseLate() == 0)
        #expect(try await world.usage(tenant)["tokens"]?.reserved == 0)
        #expect(try await world.reconcile(tenant).intact)
        // It was not dead but late: what it took counts all the same, once.
        dead.settle(hold, real: 1_234)
        await dead.close()
        await dead.close()
        let tokens = try #require(try await world.usage(tenant)["tokens"])
        #expect(tokens.used == 1_234 && tokens.reserved == 0)
        #expect(try await world.reconcile(tenant).intact)
        await world.test.close()
    }

    @Test func eachMonthOfTheTenantsZoneIsGivenOnce() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("months")
        try await world.setQuota("queries", 10, of: tenant)
        /// Sets ten aside and takes them, at a moment; how many there were.
        func take(at moment: String) async throws -> Int64 {
            let id = UUID128.v4()
            let rows = try await world.test.database.query(
                Statement(
                    name: "turn",
                    sql: """
                        select t.granted, t.reset_time::text
                        from ragdz.turn_quota('queries', null, 0, '\(id)', 1, 10, 0, 1000000, '\(moment)') t
                        """), [], as: .tenant(tenant))
            try await world.run(
                "select ragdz.turn_quota('queries', '\(id)', 10, null, 1, 0, 0, 0, '\(moment)')", as: tenant)
            return try rows[0].get("granted")
        }
        // Algiers is an hour before UTC.
        #expect(try await take(at: "2030-05-31 22:59:59Z") == 10)
        #expect(try await take(at: "2030-05-31 22:59:59Z") == 0)
        #expect(try await take(at: "2030-05-31 23:00:00Z") == 10)
        #expect(try await take(at: "2030-05-01 00:00:00Z") == 0, "a clock that goes back brings nothing back")
        #expect(try await take(at: "2030-06-30 22:59:59Z") == 0)
        #expect(try await take(at: "2030-06-30 23:00:00Z") == 10)
        try await world.test.asOwner(
            "update ragdz.tenants set timezone = 'America/Toronto' where tenant_id = $1", [tenant])
        #expect(try await take(at: "2030-06-30 23:30:00Z") == 0, "in Toronto it is June again")
        #expect(try await take(at: "2030-07-31 23:30:00Z") == 0, "and July until its midnight")
        #expect(try await take(at: "2030-08-01 04:00:00Z") == 10)
        await world.test.close()
    }

    @Test func theDatabaseCountsLikeTheBlockExpects() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("same")
        try await world.setQuota("queries", 500, of: tenant)
        var model = QuotaBlockTests.Counter(limit: 500)
        var random = SeededRandom(seed: 9)
        var open: [UUID128] = []
        for _ in 0..<150 {
            let settled = Bool.random(using: &random) ? open.randomElement(using: &random) : nil
            let turn = QuotaBlock.Turn(
                settled: settled, spent: Int64.random(in: 0...9, using: &random), opened: .v4(),
                wanted: Int64.random(in: 0...40, using: &random), spare: Int64.random(in: 0...20, using: &random))
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                let expected = model.make(turn)
                let row = try #require(
                    try await Queries.turnQuota(
                        world.test.database.as(.tenant(tenant)), quota: "queries", settled: turn.settled,
                        spent: turn.spent, opened: turn.opened, atLeast: 1, wanted: turn.wanted, spare: turn.spare,
                        lifetimeMicros: 60_000_000, at: nil))
                #expect(row.granted == expected.granted && row.used == model.used && row.reserved == model.reserved)
            }
            open.removeAll { $0 == settled }
            if let opened = turn.opened, model.reservations[opened] != nil { open.append(opened) }
        }
        #expect(try await world.reconcile(tenant).intact)
        await world.test.close()
    }

    @Test func callsThatFailAreNotCountedAndOthersAre() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("calls")
        let ledger = world.ledger()
        let interceptor = QuotaInterceptor(ledger)
        let key = CallIdentity.tenantKey(tenant: tenant, keyID: "k", scopes: ["*"])
        func call(
            _ method: MethodDescriptor, _ failure: Status? = nil, metadata: Metadata = [:],
            by caller: CallIdentity? = nil
        ) async -> Status? {
            guard interceptor.concerns(method) else { return failure }
            let context = ServerContext(method: method, metadata: metadata, identity: caller ?? key)
            return await status {
                try await interceptor.intercept(context) { _ in if let failure { throw failure } }
            }
        }
        let (search, ask) = (Ragdz_V1_Retrieval.Methods.search, Ragdz_V1_Retrieval.Methods.ask)
        #expect(await call(search) == nil)
        #expect(await call(ask, by: .member(.init(tenant: tenant, id: .v4(), session: .v4(), scopes: ["*"]))) == nil)
        #expect(await call(search, by: .platformOperator(name: "root")) == nil, "is nobody's query")
        #expect(await call(search, .invalidArgument("no"))?.code == .invalidArgument)
        #expect(await call(search, .unavailable("no"))?.code == .unavailable)
        // Who leaves has had the work done.
        #expect(await call(ask, .cancelled())?.code == .cancelled)
        #expect(await call(ask, metadata: ["ragdz-resume": "x;1"]) == nil)
        #expect(await call(Ragdz_V1_Retrieval.Methods.getDocument) == nil)
        await ledger.close()
        #expect(try await world.usage(tenant)["queries"]?.used == 3)
        try await world.setQuota("queries", 3, of: tenant)
        #expect(await call(search)?.reason == "QUOTA_USED_UP")
        #expect(await call(Ragdz_V1_Retrieval.Methods.getDocument) == nil, "what is no query goes on")
        await world.test.close()
    }

    @Test func aDatabaseThatIsAwayLetsNobodyInUncounted() async throws {
        let world = try await QuotaWorld()
        let tenant = try await world.makeTenant("away")
        let ledger = world.ledger()
        await world.test.database.close()
        let refused = await status { try await ledger.hold(.queries, tenant: tenant) }
        #expect(refused?.code == .unavailable)
        await world.test.close()
    }
}
