internal import ProtoRuntime

// The measures of JSON-like values that limits are checked against.

/// What can keep a value from being stored.
enum ValueDefect: Sendable, Hashable {
    case tooDeep, notANumber, nullCharacter
}

extension Google_Protobuf_Value {
    /// The bytes of the value as JSON, about: escapes are not counted.
    var weight: Int {
        switch kind {
        case .stringValue(let text): text.utf8.count + 2
        case .numberValue: 8
        case .structValue(let object): object.weight
        case .listValue(let list): list.values.reduce(2) { $0 + $1.weight + 1 }
        default: 5
        }
    }

    func defect(depth: Int) -> ValueDefect? {
        switch kind {
        case .numberValue(let number): number.isFinite ? nil : .notANumber
        case .stringValue(let text): text.utf8.contains(0) ? .nullCharacter : nil
        case .structValue(let object): object.defect(depth: depth + 1)
        case .listValue(let list):
            if depth >= Limits.depth {
                .tooDeep
            } else {
                list.values.lazy.compactMap { $0.defect(depth: depth + 1) }.first
            }
        default: nil
        }
    }
}

extension Google_Protobuf_Struct {
    var weight: Int { fields.reduce(2) { $0 + $1.key.utf8.count + 4 + $1.value.weight } }

    /// Why PostgreSQL or the wire could not carry the value; nil when they can.
    func defect(depth: Int = 1) -> ValueDefect? {
        guard depth <= Limits.depth else { return .tooDeep }
        for (name, value) in fields {
            if name.utf8.contains(0) { return .nullCharacter }
            if let defect = value.defect(depth: depth) { return defect }
        }
        return nil
    }
}
