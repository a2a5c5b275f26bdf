/// The fields of one message as JSON names them: a table that generated code builds once.
public struct JSONFields: Sendable {
    public struct Field: Sendable {
        let number: UInt32
        /// Both names are read: lowerCamelCase and the one in the .proto file.
        let names: [[UInt8]]
        /// Members of one oneof share it: only one of them may be given.
        let oneof: Int?
        let acceptsNull: Bool

        public init(
            _ number: UInt32, _ name: String, _ original: String? = nil, oneof: Int? = nil, acceptsNull: Bool = false
        ) {
            self.number = number
            names = [Array(name.utf8)] + (original.map { [Array($0.utf8)] } ?? [])
            self.oneof = oneof
            self.acceptsNull = acceptsNull
        }
    }

    let fields: [Field]
    /// For each field the bit that says "given"; members of a oneof have one together.
    let slots: [Int]

    public init(_ fields: [Field]) {
        self.fields = fields
        slots = fields.enumerated().map { index, field in field.oneof.map { fields.count + $0 } ?? index }
    }

    /// The index of the field with this name. The search begins at `hint`, as fields mostly come in order.
    func index(of name: UnsafeRawBufferPointer, from hint: Int) -> Int? {
        for step in 0..<fields.count {
            let index = hint + step < fields.count ? hint + step : hint + step - fields.count
            for candidate in fields[index].names where candidate.count == name.count {
                if candidate.elementsEqual(name) { return index }
            }
        }
        return nil
    }
}

/// Where a reader stands within one JSON object.
public struct JSONObject {
    let fields: JSONFields
    var isFirst = true
    var hint = 0
    var seen = SeenSlots()

    /// The object is an `Any`: "@type" is no unknown field.
    let passesType: Bool

    init(_ fields: JSONFields, passesType: Bool) {
        self.fields = fields
        self.passesType = passesType
    }
}

/// A set of small numbers; the first 64 cost no allocation.
struct SeenSlots {
    private var low: UInt64 = 0
    private var high: Set<Int> = []

    /// Whether `slot` is new.
    mutating func insert(_ slot: Int) -> Bool {
        if slot >= 64 { return high.insert(slot).inserted }
        let bit = UInt64(1) << UInt64(slot)
        let isNew = low & bit == 0
        low |= bit
        return isNew
    }
}
