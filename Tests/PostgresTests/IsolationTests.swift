import Bytes
import NIOCore
import NIOPosix
import Support
import Testing

@testable import Postgres

/// The identity of a unit holds for the unit and for nothing else.
@Suite struct IsolationTests {
    static let all = Statement(name: "notes", sql: "select tenant_id, text from ragdz.notes order by text")
    static let add = Statement(
        name: "addNote", sql: "insert into ragdz.notes (tenant_id, text) values ($1, $2)")
    static let who = Statement(
        name: "who", sql: "select current_user::text as role, coalesce(ragdz.current_tenant()::text, '-') as tenant")
    static let nobody = UUID128(hi: 0, lo: 0)
    let one = UUID128.v4()
    let two = UUID128.v4()

    private func stage(maximum: Int = 1) async throws -> TestDatabase {
        let test = try await TestDatabase.fresh(pool: DatabaseTests.limits(maximum: maximum))
        for sql in [
            "create table ragdz.notes (tenant_id uuid not null, text text not null, primary key (tenant_id, text))",
            "alter table ragdz.notes enable row level security", "alter table ragdz.notes force row level security",
            "create policy tenant on ragdz.notes for all to ragdz_app using (tenant_id = ragdz.visible_tenant()) "
                + "with check (tenant_id = ragdz.visible_tenant())",
            "create policy nobody on ragdz.notes as restrictive for insert to ragdz_app "
                + "with check (tenant_id <> '\(Self.nobody)')",
            "grant select, insert, update, delete on ragdz.notes to ragdz_app",
        ] { try await test.asOwner(sql) }
        for (tenant, text) in [(one, "a"), (one, "b"), (two, "c")] {
            #expect(try await test.database.execute(Self.add, [tenant, text], as: .tenant(tenant)) == 1)
        }
        return test
    }

    private func texts(_ test: TestDatabase, as identity: Identity) async throws -> [String] {
        try await test.database.query(Self.all, as: identity).map { try $0.get("text") }
    }

    @Test func eachTenantSeesItsRowsAndNobodySeesNone() async throws {
        let test = try await stage()
        #expect(try await texts(test, as: .none) == [])
        #expect(try await texts(test, as: .tenant(one)) == ["a", "b"])
        #expect(try await texts(test, as: .none) == [], "the same connection, after an identity")
        #expect(try await texts(test, as: .tenant(two)) == ["c"])
        #expect(try await texts(test, as: .tenant(UUID128.v4())) == [])
        await test.close()
    }

    @Test func nobodyWritesForAnother() async throws {
        let test = try await stage()
        for identity in [Identity.tenant(two), .none] {
            let error = await #expect(throws: PostgresError.self) {
                try await test.database.execute(Self.add, [one, "x"], as: identity)
            }
            #expect(error?.isInsufficientPrivilege == true)
        }
        await test.close()
    }

    /// Nobody's identifier is what the setting falls back to: no row may have it, or all who are nobody would share those rows.
    @Test func nobodyIsNoTenant() async throws {
        let test = try await stage()
        for identity in [Identity.none, .tenant(Self.nobody), .tenant(one)] {
            let error = await #expect(throws: PostgresError.self) {
                try await test.database.execute(Self.add, [Self.nobody, "x"], as: identity)
            }
            #expect(error?.isInsufficientPrivilege == true)
        }
        let who = try await test.database.query(Self.who, as: .tenant(Self.nobody))
        #expect(try who.map { try $0.get("tenant", as: String.self) } == ["-"])
        await test.close()
    }

    /// Whoever logs in as the server's role, by whatever program, is nobody before and after a transaction of a tenant.
    @Test func aForeignSessionIsNobodyBeforeAndAfter() async throws {
        let test = try await stage()
        let session = try BlockingConnection(url: test.appURL, applicationName: "somebody")
        #expect(try session.run("select text from ragdz.notes").isEmpty)
        for end in ["commit", "rollback"] {
            try session.run("begin; select set_config('ragdz.tenant', '\(one)', true)")
            #expect(try session.run("select text from ragdz.notes").count == 2)
            try session.run(end)
            #expect(try session.run("select text from ragdz.notes").isEmpty)
            #expect(try session.run("select id from ragdz.documents").isEmpty)
        }
        await test.close()
    }

    @Test func anIdentityEndsAlsoWithAFailure() async throws {
        let test = try await stage()
        let fails = Statement(name: "fails", sql: "select 1 / (select 0 from ragdz.notes limit 1)")
        for _ in 0..<3 {
            await #expect(throws: PostgresError.self) { try await test.database.query(fails, as: .tenant(one)) }
            #expect(try await texts(test, as: .none) == [])
        }
        await test.close()
    }

    @Test func theOperatorIsARoleForOneUnit() async throws {
        let test = try await stage()
        let row = try await test.database.query(Self.who, as: .platformOperator)[0]
        #expect(try row.get("role", as: String.self) == "ragdz_operator")
        let after = try await test.database.query(Self.who, as: .none)[0]
        #expect(try after.get("role", as: String.self) == "ragdz_app")
        await test.close()
    }

    @Test func aStatementHasOnePlanForAllTenantsAndOneForTheOperator() async throws {
        let test = try await stage()
        try await test.asOwner("grant select on ragdz.notes to ragdz_operator")
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let database = Database(
            configuration: .init(url: test.appURL, pool: DatabaseTests.limits(maximum: 1)), group: group,
            logger: MigratorTests.quiet)
        for _ in 0..<10 {
            #expect(try await database.query(Self.all, as: .tenant(one)).count == 2)
            #expect(try await database.query(Self.all, as: .platformOperator).isEmpty, "no policy lets it see rows")
            #expect(try await database.query(Self.all, as: .tenant(two)).count == 1)
            let inside = try await database.transaction(as: .platformOperator) { try await $0.query(Self.all).count }
            #expect(inside == 0)
            #expect(try await database.transaction(as: .tenant(one)) { try await $0.query(Self.all).count } == 2)
            #expect(try await database.query(Self.all, as: .none).isEmpty)
        }
        let plans = try await database.query(
            Statement(
                name: "plans",
                sql: """
                    select generic_plans, custom_plans from pg_prepared_statements
                    where statement like 'select tenant_id, text from ragdz.notes%' order by 1
                    """), as: .none)
        let counts = try plans.map {
            [try $0.get("generic_plans", as: Int.self), try $0.get("custom_plans", as: Int.self)]
        }
        #expect(counts == [[20, 0], [40, 0]])
        await database.close()
        try await group.shutdownGracefully()
        await test.close()
    }

    @Test func aTransactionHasItsIdentityThroughout() async throws {
        let test = try await stage()
        try await test.database.transaction(as: .tenant(one)) { transaction in
            try await transaction.execute(Self.add, [one, "d"])
            #expect(try await transaction.query(Self.all).count == 3)
        }
        #expect(try await texts(test, as: .tenant(one)) == ["a", "b", "d"])
        #expect(try await texts(test, as: .none) == [])
        let role = try await test.database.transaction(as: .platformOperator) { transaction in
            try await transaction.query(Self.who)[0].get("role", as: String.self)
        }
        #expect(role == "ragdz_operator")
        #expect(try await test.database.query(Self.who, as: .none)[0].get("role", as: String.self) == "ragdz_app")
        await test.close()
    }

    @Test func mixedTenantsOnOneConnectionNeverMix() async throws {
        let test = try await stage()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<600 {
                group.addTask {
                    switch number % 4 {
                    case 0: #expect(try await texts(test, as: .tenant(one)) == ["a", "b"])
                    case 1: #expect(try await texts(test, as: .tenant(two)) == ["c"])
                    case 2: #expect(try await texts(test, as: .none) == [])
                    default:
                        let row = try await test.database.transaction(as: .tenant(two)) { transaction in
                            try await transaction.query(Self.who)[0]
                        }
                        #expect(try row.get("tenant", as: String.self) == two.description)
                    }
                }
            }
            try await group.waitForAll()
        }
        await test.close()
    }
}
