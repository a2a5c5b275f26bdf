/// The headers or trailers of a call: a multi-map from lower-case ASCII names to values, in the order they came.
///
/// A name that ends in `-bin` carries bytes, any other printable ASCII text. Names that gRPC or HTTP/2 reserve
/// (`:…`, `grpc-…`, `content-type`, `te`) never appear here.
public struct Metadata: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    public enum FieldValue: Sendable, Hashable {
        case text(String)
        case binary([UInt8])
    }

    public struct Entry: Sendable, Hashable {
        public let name: String
        public let value: FieldValue
    }

    public private(set) var entries: [Entry]

    public init() { entries = [] }

    public init(dictionaryLiteral elements: (String, String)...) {
        entries = []
        for (name, value) in elements { add(name, value) }
    }

    public var isEmpty: Bool { entries.isEmpty }
    public var count: Int { entries.count }

    /// Appends one value; the name is lower-cased.
    ///
    /// A name that HTTP/2 could not carry or a value outside printable ASCII is dropped: metadata is written by
    /// code, and a header must never be able to smuggle a second one.
    public mutating func add(_ name: String, _ value: String) {
        guard let name = Self.canonical(name), Self.isPrintable(value) else { return }
        entries.append(Entry(name: name, value: .text(value)))
    }

    /// Appends one binary value; the name must end in `-bin`, or nothing is added.
    public mutating func add(_ name: String, bytes: [UInt8]) {
        guard let name = Self.canonical(name), name.hasSuffix("-bin") else { return }
        entries.append(Entry(name: name, value: .binary(bytes)))
    }

    /// For a transport whose parser already vouches for the name and the value.
    public mutating func add(uncheckedName name: String, _ value: FieldValue) {
        entries.append(Entry(name: name, value: value))
    }

    /// Replaces all values of this name.
    public mutating func set(_ name: String, _ value: String) {
        remove(name)
        add(name, value)
    }

    public mutating func remove(_ name: String) {
        let name = Self.canonical(name) ?? name
        entries.removeAll { $0.name == name }
    }

    public mutating func add(contentsOf other: Metadata) { entries.append(contentsOf: other.entries) }

    /// The first text value of this (lower-case) name.
    public subscript(name: String) -> String? {
        for entry in entries where entry.name == name {
            if case .text(let text) = entry.value { return text }
        }
        return nil
    }

    /// The first binary value of this (lower-case) name.
    public func bytes(_ name: String) -> [UInt8]? {
        for entry in entries where entry.name == name {
            if case .binary(let bytes) = entry.value { return bytes }
        }
        return nil
    }

    /// Every text value of this (lower-case) name.
    public func all(_ name: String) -> [String] {
        entries.compactMap { entry in
            guard entry.name == name, case .text(let text) = entry.value else { return nil }
            return text
        }
    }

    private static func canonical(_ name: String) -> String? {
        var needsLowering = false
        guard !name.isEmpty else { return nil }
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "."):
                continue
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): needsLowering = true
            default: return nil
            }
        }
        return needsLowering ? name.lowercased() : name
    }

    private static func isPrintable(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }
}
