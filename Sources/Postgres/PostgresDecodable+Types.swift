public import Bytes

extension PostgresCell {
    /// The bytes of a value that must not be NULL.
    func required(_ wanted: String) throws(PostgresError) -> ArraySlice<UInt8> {
        guard let bytes else {
            throw PostgresError(
                .decoding, "column \"\(column.name)\" is NULL, but \(wanted) was asked for; ask for \(wanted)?")
        }
        return bytes
    }

    func mismatch(_ wanted: String) -> PostgresError {
        PostgresError(
            .decoding, "column \"\(column.name)\" (type \(column.type)) cannot be read as \(wanted)")
    }

    /// A big-endian integer that fills the whole value.
    func integer<T: FixedWidthInteger>(_ type: T.Type, _ bytes: ArraySlice<UInt8>) throws(PostgresError) -> T {
        guard bytes.count == T.bitWidth / 8 else { throw mismatch("\(T.self)") }
        return bytes.reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
    }

    func anyInteger<T: FixedWidthInteger>(_ wanted: T.Type) throws(PostgresError) -> T {
        let bytes = try required("\(T.self)")
        let wide: Int64
        switch column.type {
        case TypeOID.int8: wide = try integer(Int64.self, bytes)
        case TypeOID.int4: wide = Int64(try integer(Int32.self, bytes))
        case TypeOID.int2: wide = Int64(try integer(Int16.self, bytes))
        case TypeOID.oid: wide = Int64(try integer(UInt32.self, bytes))
        case TypeOID.numeric:
            guard let value = Int64(try NumericText.decode(self, bytes)) else { throw mismatch("\(T.self)") }
            wide = value
        default: throw mismatch("\(T.self)")
        }
        guard let value = T(exactly: wide) else {
            throw PostgresError(.decoding, "column \"\(column.name)\" holds \(wide), too large for \(T.self)")
        }
        return value
    }

    func text(_ bytes: ArraySlice<UInt8>, _ wanted: String) throws(PostgresError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw mismatch(wanted) }
        return text
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        self = cell.bytes == nil ? nil : try Wrapped(postgres: cell)
    }
}

extension Bool: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("Bool")
        guard cell.column.type == TypeOID.bool, let byte = bytes.first else { throw cell.mismatch("Bool") }
        self = byte != 0
    }
}

extension Int: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = try cell.anyInteger(Int.self) }
}

extension Int32: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = try cell.anyInteger(Int32.self) }
}

extension Int64: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = try cell.anyInteger(Int64.self) }
}

extension Double: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("Double")
        switch cell.column.type {
        case TypeOID.float8: self = Double(bitPattern: try cell.integer(UInt64.self, bytes))
        case TypeOID.float4: self = Double(Float(bitPattern: try cell.integer(UInt32.self, bytes)))
        case TypeOID.numeric:
            guard let value = Double(try NumericText.decode(cell, bytes)) else { throw cell.mismatch("Double") }
            self = value
        default: self = Double(try cell.anyInteger(Int64.self))
        }
    }
}

extension Float: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = Float(try Double(postgres: cell)) }
}

extension String: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("String")
        switch cell.column.type {
        case TypeOID.text, TypeOID.varchar, TypeOID.bpchar, TypeOID.name, TypeOID.char, TypeOID.unknown,
            TypeOID.json:
            self = try cell.text(bytes, "String")
        case TypeOID.jsonb: self = try cell.text(bytes.dropFirst(), "String")
        case TypeOID.numeric: self = try NumericText.decode(cell, bytes)
        case TypeOID.firstUserType...:
            // An enumeration travels as its label. A vector would hold zero bytes.
            guard !bytes.contains(0) else { throw cell.mismatch("String") }
            self = try cell.text(bytes, "String")
        default: throw cell.mismatch("String")
        }
    }
}

extension UUID128: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("UUID128")
        guard cell.column.type == TypeOID.uuid, let value = UUID128(bytes: Array(bytes)) else {
            throw cell.mismatch("UUID128")
        }
        self = value
    }
}

extension PostgresTimestamp: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("PostgresTimestamp")
        switch cell.column.type {
        case TypeOID.timestamptz, TypeOID.timestamp:
            let (micros, overflow) = try cell.integer(Int64.self, bytes)
                .addingReportingOverflow(Self.epochOffset)
            // `infinity` is the largest value, which the shift to 1970 overflows.
            self.init(unixMicros: overflow ? .max : micros)
        case TypeOID.date:
            self.init(unixMicros: Int64(try cell.integer(Int32.self, bytes)) * 86_400_000_000 + Self.epochOffset)
        default: throw cell.mismatch("PostgresTimestamp")
        }
    }
}

extension PostgresJSON: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("PostgresJSON")
        switch cell.column.type {
        case TypeOID.json: self.init(try cell.text(bytes, "PostgresJSON"))
        case TypeOID.jsonb: self.init(try cell.text(bytes.dropFirst(), "PostgresJSON"))
        default: throw cell.mismatch("PostgresJSON")
        }
    }
}

extension HalfVector: PostgresDecodable {
    public init(postgres cell: PostgresCell) throws(PostgresError) {
        let bytes = try cell.required("HalfVector")
        let start = bytes.startIndex
        guard cell.column.type >= TypeOID.firstUserType, bytes.count >= 4,
            bytes.count == 4 + 2 * (Int(bytes[start]) << 8 | Int(bytes[start + 1]))
        else { throw cell.mismatch("HalfVector") }
        self.init(
            stride(from: start + 4, to: bytes.endIndex, by: 2).map {
                Float(Float16(bitPattern: UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])))
            })
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public init(postgres cell: PostgresCell) throws(PostgresError) { self = try Element.decodeArray(cell) }
}

extension PostgresArrayElement where Self: PostgresDecodable {
    public static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [Self] {
        var elements: [Self] = []
        for element in try ArrayBytes.elements(of: cell) { elements.append(try Self(postgres: element)) }
        return elements
    }
}

extension UInt8 {
    public static func decodeArray(_ cell: PostgresCell) throws(PostgresError) -> [UInt8] {
        let bytes = try cell.required("[UInt8]")
        guard cell.column.type == TypeOID.bytea else { throw cell.mismatch("[UInt8]") }
        return Array(bytes)
    }
}

/// The binary form of an array: dimensions, a NULL flag, the element type, the extents, then length and bytes each.
enum ArrayBytes {
    static func elements(of cell: PostgresCell) throws(PostgresError) -> [PostgresCell] {
        var rest = try cell.required("an array")
        func word() throws(PostgresError) -> Int32 {
            let head = rest.prefix(4)
            rest = rest.dropFirst(4)
            return try cell.integer(Int32.self, head)
        }
        let dimensions = try word()
        _ = try word()
        let column = Column(name: cell.column.name, type: UInt32(bitPattern: try word()))
        guard dimensions > 0 else { return [] }
        guard dimensions == 1 else { throw cell.mismatch("an array of one dimension") }
        let count = Int(try word())
        _ = try word()
        // Each element takes four bytes at least, so the count cannot exceed what is there.
        guard count >= 0, count <= rest.count / 4 else { throw cell.mismatch("an array") }
        var cells: [PostgresCell] = []
        cells.reserveCapacity(count)
        for _ in 0..<count {
            let length = Int(try word())
            guard length >= 0 else {
                cells.append(PostgresCell(column: column, bytes: nil))
                continue
            }
            guard length <= rest.count else { throw cell.mismatch("an array") }
            cells.append(PostgresCell(column: column, bytes: rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return cells
    }
}

/// `numeric` in binary: base-10000 digits with a weight and a scale.
enum NumericText {
    static func decode(_ cell: PostgresCell, _ bytes: ArraySlice<UInt8>) throws(PostgresError) -> String {
        let words = stride(from: bytes.startIndex, to: bytes.endIndex - 1, by: 2).map {
            UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
        }
        guard bytes.count % 2 == 0, words.count >= 4, words.count == 4 + Int(words[0]) else {
            throw cell.mismatch("a number")
        }
        switch words[2] {
        case 0xC000: return "NaN"
        case 0xD000: return "Infinity"
        case 0xF000: return "-Infinity"
        default: break
        }
        let weight = Int(Int16(bitPattern: words[1]))
        let scale = Int(words[3])
        func digits(_ position: Int) -> String {
            let index = position + 4
            let text = String(position >= 0 && index < words.count ? words[index] : 0)
            return String(repeating: "0", count: 4 - text.utf8.count) + text
        }
        var whole = ""
        if weight >= 0 { for position in 0...weight { whole += digits(position) } }
        whole = String(whole.drop { $0 == "0" })
        if whole.isEmpty { whole = "0" }
        var fraction = ""
        var position = weight + 1
        while fraction.utf8.count < scale {
            fraction += digits(position)
            position += 1
        }
        let sign = words[2] == 0x4000 ? "-" : ""
        return sign + whole + (scale > 0 ? "." + fraction.prefix(scale) : "")
    }
}
