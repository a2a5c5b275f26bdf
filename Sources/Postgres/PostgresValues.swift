/// A moment, as microseconds since 1970-01-01 00:00 UTC; `timestamptz` in the database.
public struct PostgresTimestamp: Sendable, Hashable, Comparable {
    public var unixMicros: Int64
    public init(unixMicros: Int64) { self.unixMicros = unixMicros }
    public static func < (a: Self, b: Self) -> Bool { a.unixMicros < b.unixMicros }

    /// PostgreSQL counts from 2000-01-01.
    static let epochOffset: Int64 = 946_684_800_000_000
}

/// The text of a `json` or `jsonb` value. The server checks that it is JSON.
public struct PostgresJSON: Sendable, Hashable {
    public var text: String
    public init(_ text: String) { self.text = text }
}

/// A vector of pgvector's type `halfvec`. Sent with 16-bit floats.
public struct HalfVector: Sendable, Hashable {
    public var elements: [Float]
    public init(_ elements: [Float]) { self.elements = elements }
}

/// The object identifiers of the built-in types that this library knows.
enum TypeOID {
    static let bool: UInt32 = 16, bytea: UInt32 = 17, char: UInt32 = 18, name: UInt32 = 19
    static let int8: UInt32 = 20, int2: UInt32 = 21, int4: UInt32 = 23, text: UInt32 = 25, oid: UInt32 = 26
    static let json: UInt32 = 114, float4: UInt32 = 700, float8: UInt32 = 701, unknown: UInt32 = 705
    static let bpchar: UInt32 = 1042, varchar: UInt32 = 1043, date: UInt32 = 1082
    static let timestamp: UInt32 = 1114, timestamptz: UInt32 = 1184, numeric: UInt32 = 1700
    static let uuid: UInt32 = 2950, jsonb: UInt32 = 3802
    /// Types above this one are made by extensions and users: enumerations, vectors.
    static let firstUserType: UInt32 = 16384
}
