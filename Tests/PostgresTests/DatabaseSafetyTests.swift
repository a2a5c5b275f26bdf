import Logging
import Postgres
import Support
import Testing

/// The server refuses to start on a database in which tenants are not isolated, and says what is wrong.
@Suite struct DatabaseSafetyTests {
    static let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

    private func refusal(_ database: Database) async throws -> String {
        let error = await #expect(throws: PostgresError.self) { try await DatabaseSafety.verify(database) }
        #expect(error?.code == .unsafeDatabase)
        return error?.message ?? ""
    }

    /// Makes a role for this test alone (roles belong to the whole cluster), connects as it and removes it again.
    private func refusal(ofRole name: String, _ attributes: String, grants: [String] = []) async throws -> String {
        let test = try await TestDatabase.fresh()
        try await test.asOwner("create role \(name) login \(attributes)")
        for grant in ["grant usage on schema ragdz to \(name)"] + grants { try await test.asOwner(grant) }
        let url = test.appURL.split(separator: " ").map { $0.hasPrefix("user=") ? "user=\(name)" : String($0) }
        let database = Database(
            configuration: .init(url: url.joined(separator: " "), pool: DatabaseTests.limits(maximum: 1)),
            group: TestDatabase.group, logger: Self.quiet)
        let message = try await refusal(database)
        await database.close()
        try await test.asOwner("reassign owned by \(name) to postgres")
        try await test.asOwner("drop owned by \(name)")
        try await test.asOwner("drop role \(name)")
        await test.close()
        return message
    }

    @Test func ourOwnMigrationsAreSafe() async throws {
        try await DatabaseSafety.verify(TestDatabase.shared().database)
    }

    @Test func aSuperuserIsRefused() async throws {
        #expect(try await refusal(TestDatabase.shared().owner).contains("is a superuser"))
    }

    @Test func bypassIsRefused() async throws {
        #expect(try await refusal(ofRole: "safety_bypass", "bypassrls").contains("BYPASSRLS"))
    }

    @Test func aRoleThatMayBecomeABypassingOneIsRefused() async throws {
        let grants = ["grant ragdz_definer to safety_member"]
        #expect(try await refusal(ofRole: "safety_member", "", grants: grants).contains("ragdz_definer"))
    }

    @Test func anOwnerIsRefused() async throws {
        let grants = ["create table ragdz.mine (x int)", "alter table ragdz.mine owner to safety_owner"]
        #expect(try await refusal(ofRole: "safety_owner", "", grants: grants).contains("owns mine"))
    }

    private func refusal(ofTable statements: [String]) async throws -> String {
        let test = try await TestDatabase.fresh()
        try await test.asOwner("create table ragdz.bad (tenant_id uuid not null, x int)")
        for statement in statements { try await test.asOwner(statement) }
        let message = try await refusal(test.database)
        #expect(message.contains("ragdz.bad"))
        await test.close()
        return message
    }

    static let enable = "alter table ragdz.bad enable row level security"
    static let force = "alter table ragdz.bad force row level security"

    @Test func aTableWithoutRowLevelSecurityIsRefused() async throws {
        #expect(try await refusal(ofTable: []).contains("no row-level security"))
    }

    @Test func aTableThatDoesNotBindItsOwnerIsRefused() async throws {
        #expect(try await refusal(ofTable: [Self.enable]).contains("force row level security"))
    }

    @Test func aTableWithoutPolicyIsRefused() async throws {
        #expect(try await refusal(ofTable: [Self.enable, Self.force]).contains("no policy"))
    }

    @Test func aPolicyWithOneSideIsRefused() async throws {
        let policy = "create policy p on ragdz.bad for all to ragdz_app using (tenant_id = ragdz.current_tenant())"
        #expect(try await refusal(ofTable: [Self.enable, Self.force, policy]).contains("WITH CHECK"))
    }

    @Test func aPolicyForEverybodyIsRefused() async throws {
        let policy = "create policy p on ragdz.bad for all to public using (true) with check (true)"
        #expect(try await refusal(ofTable: [Self.enable, Self.force, policy]).contains("every tenant"))
    }
}
