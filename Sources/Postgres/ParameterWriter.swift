/// The parameters of one statement, as bytes in one buffer.
///
/// A value is written as text wherever the server's own parser is cheap and forgiving: then an `Int` fits int2, int4,
/// int8 and numeric alike. Bytes, timestamps and vectors travel in binary form.
public struct ParameterWriter: Sendable {
    enum Slot: Sendable, Hashable {
        case null
        /// Offset of a zero-terminated text, or offset and length of binary bytes.
        case text(offset: Int)
        case binary(offset: Int, length: Int)
    }
    private(set) var slots: [Slot] = []
    private(set) var bytes: [UInt8] = []
    /// The position (from 1) of the first parameter that held a zero byte, which PostgreSQL's text cannot hold.
    private(set) var zeroByteIn: Int?

    /// Empty, with room for this many values.
    public init(capacity: Int) {
        slots.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 40)
    }

    /// The parameter is NULL.
    public mutating func writeNull() { slots.append(.null) }

    /// The parameter in the server's text form, as UTF-8. It must not hold a zero byte: the call then fails.
    public mutating func writeText(_ body: (inout [UInt8]) -> Void) {
        let offset = bytes.count
        body(&bytes)
        if bytes[offset...].contains(0) { zeroByteIn = zeroByteIn ?? slots.count + 1 }
        bytes.append(0)
        slots.append(.text(offset: offset))
    }

    /// The parameter in the server's binary form.
    public mutating func writeBinary(_ body: (inout [UInt8]) -> Void) {
        let offset = bytes.count
        body(&bytes)
        slots.append(.binary(offset: offset, length: bytes.count - offset))
    }

    static func encode(_ values: [any PostgresEncodable], for statement: Statement) throws(PostgresError) -> Self {
        var writer = ParameterWriter(capacity: values.count)
        for value in values { value.encode(into: &writer) }
        guard writer.slots.count == values.count else {
            throw PostgresError(
                .encoding, "a value wrote \(writer.slots.count) parameters instead of one", statement: statement.name)
        }
        try writer.check(for: statement)
        return writer
    }

    func check(for statement: Statement) throws(PostgresError) {
        guard let zeroByteIn else { return }
        throw PostgresError(
            .encoding, "parameter $\(zeroByteIn) holds a zero byte, which text cannot store; remove it or use bytea",
            statement: statement.name)
    }
}

/// A Swift value that can be a statement's parameter.
public protocol PostgresEncodable: Sendable {
    /// Writes exactly one parameter.
    func encode(into writer: inout ParameterWriter)
}
