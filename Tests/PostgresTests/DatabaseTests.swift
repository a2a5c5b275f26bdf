import Bytes
import Postgres
import Support
import Testing

@Suite struct DatabaseTests {
    @Test func aQueryComesBack() async throws {
        let test = try await TestDatabase.shared()
        let rows = try await test.database.query(
            Statement(name: "one", sql: "select $1::bigint + 1 as n, $2::text as t"), [41, "مرحبا"], as: .none)
        #expect(try rows[0].get("n", as: Int.self) == 42)
        #expect(try rows[0].get("t", as: String.self) == "مرحبا")
    }
}
