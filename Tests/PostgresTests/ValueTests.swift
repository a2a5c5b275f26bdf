import Bytes
import Postgres
import Support
import Testing

/// What goes in comes out, and what does not fit is a typed error.
@Suite struct ValueTests {
    private func ask<T: PostgresDecodable>(
        _ type: String, _ value: any PostgresEncodable, as: T.Type
    ) async throws -> T {
        let test = try await TestDatabase.shared()
        let rows = try await test.database.query(
            Statement(name: "value", sql: "select $1::\(type) as v"), [value], as: .none)
        return try #require(rows.first).get("v")
    }

    private func echo<T: PostgresEncodable & PostgresDecodable & Equatable>(_ type: String, _ values: T...) async throws
    {
        for value in values { #expect(try await ask(type, value, as: T.self) == value, "\(type)") }
    }

    /// The distance between the two epochs, subtracted from the smallest number, used to trap.
    @Test func timesBeforePostgresRangeAreItsMinusInfinity() async throws {
        let test = try await TestDatabase.shared()
        for micros in [Int64.min, Int64.min + 1] as [Int64] {
            let rows = try await test.asOwner(
                "select ($1::timestamptz = '-infinity') as below", [PostgresTimestamp(unixMicros: micros)])
            #expect(try rows[0].get("below", as: Bool.self))
        }
    }

    @Test func scalarsRoundTrip() async throws {
        try await echo("bool", true, false)
        try await echo("int8", Int.min, 0, Int.max)
        try await echo("int4", Int32.min, 7, Int32.max)
        try await echo("int2", -3, 3)
        try await echo("int8", Int64.min, Int64.max)
        try await echo("float8", 0.1, -1e300, .infinity, 5e-324)
        try await echo("float4", 1.5 as Float)
        try await echo("text", "", "a", "مرحبا بك", "😀\n\t\\'\"", String(repeating: "é", count: 10_000))
        try await echo("uuid", UUID128.v4(), UUID128(hi: 0, lo: 0))
        try await echo("bytea", [UInt8](), [0, 1, 255], [UInt8](repeating: 0, count: 300))
    }

    @Test func momentsRoundTrip() async throws {
        try await echo(
            "timestamptz", PostgresTimestamp(unixMicros: 0), PostgresTimestamp(unixMicros: 1_769_846_400_000_001),
            PostgresTimestamp(unixMicros: -1))
        let text = try await ask("timestamptz", PostgresTimestamp(unixMicros: -1), as: PostgresTimestamp.self)
        #expect(text.description == "1969-12-31T23:59:59.999999Z")
        #expect(PostgresTimestamp(unixMicros: 951_782_400_000_000).description == "2000-02-29T00:00:00.000000Z")
    }

    @Test func arraysRoundTrip() async throws {
        try await echo("text[]", [String](), ["", "NULL", "a,b", "{\"x\\", "  ", "مرحبا"])
        try await echo("int8[]", [Int64.min, 0, Int64.max])
        try await echo("int4[]", [1, 2, 3])
        try await echo("float8[]", [0.5, -2])
        try await echo("bool[]", [true, false])
        try await echo("uuid[]", [UUID128.v4(), UUID128.v7()])
        try await echo("bytea[]", [[UInt8](), [0, 34, 92]])
        try await echo("timestamptz[]", [PostgresTimestamp(unixMicros: 1), PostgresTimestamp(unixMicros: -5_000_001)])
    }

    @Test func vectorsRoundTrip() async throws {
        let vector = HalfVector([0.5, -1, 0.25])
        try await echo("halfvec(3)", vector)
        try await echo("halfvec[]", [vector, HalfVector([1])])
    }

    @Test func jsonRoundTrips() async throws {
        let value = try await ask("jsonb", PostgresJSON(#"{"b":1,"a":[true,null]}"#), as: PostgresJSON.self)
        #expect(value.text == #"{"a": [true, null], "b": 1}"#)
        #expect(try await ask("json", PostgresJSON("[1]"), as: String.self) == "[1]")
    }

    @Test(arguments: [
        "0", "1", "-1", "12345678901234567890.000001", "0.00012", "-0.5", "10000", "99990000", "1e20",
    ])
    func numericsAreExact(_ text: String) async throws {
        let test = try await TestDatabase.shared()
        let rows = try await test.database.query(
            Statement(name: "numeric", sql: "select $1::text::numeric as n, $1::text::numeric::text as t"), [text],
            as: .none)
        #expect(try rows[0].get("n", as: String.self) == rows[0].get("t", as: String.self))
    }

    @Test func sumsAreIntegers() async throws {
        let test = try await TestDatabase.shared()
        let rows = try await test.database.query(
            Statement(name: "sum", sql: "select sum(x::bigint) as s from generate_series(1, 100) x"), as: .none)
        #expect(try rows[0].get("s", as: Int.self) == 5050)
    }

    @Test func nullIsNil() async throws {
        #expect(try await ask("text", String?.none, as: String?.self) == nil)
        #expect(try await ask("bytea", [UInt8]?.none, as: [UInt8]?.self) == nil)
        let error = await #expect(throws: PostgresError.self) { try await ask("text", String?.none, as: String.self) }
        #expect(error?.code == .decoding)
    }

    @Test func aMegabyteRoundTrips() async throws {
        let bytes = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try await echo("bytea", bytes)
        try await echo("text", String(repeating: "aé漢😀", count: 120_000))
    }

    @Test func aWrongTypeIsATypedError() async throws {
        func refused<T: PostgresDecodable>(_ type: String, _ value: any PostgresEncodable, _ wanted: T.Type) async {
            let error = await #expect(throws: PostgresError.self) { try await ask(type, value, as: wanted) }
            #expect(error?.code == .decoding, "\(type) as \(wanted)")
        }
        await refused("text", "x", Int.self)
        await refused("int8", 1, String.self)
        await refused("int8", Int64.max, Int32.self)
        await refused("uuid", UUID128.v4(), [UInt8].self)
        await refused("text", "x", Bool.self)
        await refused("text", "x", UUID128.self)
        await refused("text[]", ["x"], [Int].self)
        await refused("halfvec(2)", HalfVector([1, 2]), String.self)
        await refused("numeric", 1.5, Int.self)
    }

    @Test func anUnknownColumnNamesTheKnownOnes() async throws {
        let test = try await TestDatabase.shared()
        let rows = try await test.database.query(Statement(name: "c", sql: "select 1 as a, 2 as b"), as: .none)
        let error = #expect(throws: PostgresError.self) { try rows[0].get("z", as: Int.self) }
        #expect(error?.message.contains("a, b") == true)
        #expect(throws: PostgresError.self) { try rows[0].get(2, as: Int.self) }
    }

    @Test func aZeroByteInTextIsRefusedBeforeItIsSent() async throws {
        let error = await #expect(throws: PostgresError.self) { try await ask("text", "a\u{0}b", as: String.self) }
        #expect(error?.code == .encoding)
    }

    @Test func enumerationsAreText() async throws {
        let test = try await TestDatabase.fresh()
        try await test.asOwner("create type public.mood as enum ('gut', 'حسن')")
        try await test.asOwner("grant usage on schema public to ragdz_app")
        let rows = try await test.database.query(
            Statement(name: "mood", sql: "select 'حسن'::public.mood as m"), as: .none)
        #expect(try rows[0].get("m", as: String.self) == "حسن")
        await test.close()
    }
}
