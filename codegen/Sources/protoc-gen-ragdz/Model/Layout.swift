/// Decides which message fields are stored out of line.
///
/// A struct cannot contain itself, and structs in structs grow fast, so a field whose message could reach its own
/// message again, or whose message is large, is boxed.
struct Layout {
    /// Messages of more bytes than this are boxed where they are a field of another message.
    static let largestInline = 160

    private var messages: [String: ProtoMessageDescriptor] = [:]
    private var sizes: [String: Int] = [:]
    private var reachable: [String: Set<String>] = [:]

    init(_ files: [ProtoFile]) {
        for message in files.flatMap(\.messages) { add(message) }
        for name in messages.keys.sorted() {
            var seen: Set<String> = []
            reach(name, &seen)
            reachable[name] = seen
        }
        for name in messages.keys.sorted() { _ = size(name) }
    }

    private mutating func add(_ message: ProtoMessageDescriptor) {
        messages[message.fullName] = message
        for nested in message.messages { add(nested) }
    }

    /// The messages that stand in line in `name`, directly or not.
    private func reach(_ name: String, _ seen: inout Set<String>) {
        for field in messages[name]?.fields ?? [] where field.type == .message && !field.isRepeated {
            if seen.insert(field.typeName).inserted { reach(field.typeName, &seen) }
        }
    }

    func isBoxed(_ field: ProtoFieldDescriptor, in message: String) -> Bool {
        guard field.type == .message, !field.isRepeated else { return false }
        if field.typeName == message || reachable[field.typeName]?.contains(message) == true { return true }
        return sizes[field.typeName] ?? 0 > Self.largestInline
    }

    /// About how many bytes a message takes in line.
    private mutating func size(_ name: String) -> Int {
        if let size = sizes[name] { return size }
        guard let message = messages[name] else { return 16 }
        // While a cycle is being walked the field is boxed anyway.
        sizes[name] = 0
        var total = 8
        var members: [Int: Int] = [:]
        for field in message.fields {
            let size = fieldSize(field, in: name)
            if let oneof = field.oneof { members[oneof] = max(members[oneof] ?? 0, size) } else { total += size }
        }
        total += members.values.reduce(0) { $0 + $1 + 8 }
        sizes[name] = total
        return total
    }

    private mutating func fieldSize(_ field: ProtoFieldDescriptor, in message: String) -> Int {
        if field.isRepeated { return 8 }
        switch field.type {
        case .string: return 16
        case .bool: return 1
        case .int32, .uint32, .sint32, .fixed32, .sfixed32, .float, .enumeration: return 4
        case .message:
            let isCycle = field.typeName == message || reachable[field.typeName]?.contains(message) == true
            let inner = isCycle ? 8 : size(field.typeName)
            return inner > Self.largestInline ? 8 : inner + 1
        default: return 8
        }
    }
}
