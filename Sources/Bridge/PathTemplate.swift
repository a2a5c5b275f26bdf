/// The path of a `google.api.http` rule: literal segments, variables and an optional verb at the end.
///
/// `/v1/runs/{id}:approve` has the segments `v1`, `runs`, the variable `id` and the verb `approve`;
/// `/v1/tenants/{tenant.id}` binds a field of a nested message.
struct PathTemplate: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(String)
        /// The path of the field, outermost message first.
        case variable([String])
    }

    struct Binding: Sendable, Hashable {
        let field: [String]
        let value: String
    }

    let segments: [Segment]
    let verb: String?

    /// Nil when the text is no template that the bridge understands (`**`, a variable with its own pattern).
    init?(_ text: String) {
        guard text.hasPrefix("/") else { return nil }
        var path = Substring(text.dropFirst())
        verb = Self.cutVerb(&path)
        var parsed: [Segment] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = Self.segment(part) else { return nil }
            parsed.append(segment)
        }
        segments = parsed
    }

    private static func cutVerb(_ path: inout Substring) -> String? {
        let last = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        let afterVariable = path[last...].lastIndex(of: "}") ?? last
        guard let colon = path[afterVariable...].firstIndex(of: ":") else { return nil }
        defer { path = path[..<colon] }
        return String(path[path.index(after: colon)...])
    }

    private static func segment(_ part: Substring) -> Segment? {
        guard part.hasPrefix("{") else {
            return part.isEmpty || part.contains("*") || part.contains("{") ? nil : .literal(String(part))
        }
        let name = part.dropFirst().dropLast()
        guard part.hasSuffix("}"), !name.isEmpty, !name.contains("=") else { return nil }
        return .variable(name.split(separator: ".").map(String.init))
    }

    /// The values of the variables when `path` (still percent-encoded, without its query) fits.
    func match(_ path: Substring) -> [Binding]? {
        guard path.hasPrefix("/") else { return nil }
        var rest = path.dropFirst()
        if let verb {
            guard rest.hasSuffix(":" + verb) else { return nil }
            rest = rest.dropLast(verb.count + 1)
        }
        let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == segments.count else { return nil }
        var bindings: [Binding] = []
        for (part, segment) in zip(parts, segments) {
            switch segment {
            case .literal(let literal):
                guard part == literal else { return nil }
            case .variable(let field):
                guard !part.isEmpty, let value = PercentEncoding.decode(part, plusIsSpace: false) else { return nil }
                bindings.append(Binding(field: field, value: value))
            }
        }
        return bindings
    }
}

/// RFC 3986 percent-encoding, as far as paths and queries need it.
enum PercentEncoding {
    /// The decoded text; nil when an escape is broken or the bytes are no UTF-8.
    static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var iterator = text.utf8.makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next().flatMap(nibble), let low = iterator.next().flatMap(nibble) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// The parameters of a query string, in order.
struct QueryParameters: Sendable {
    struct Parameter: Sendable, Hashable {
        let name: String
        let value: String
    }

    let parameters: [Parameter]

    /// Nil when a name or value is not valid percent-encoded UTF-8.
    init?(_ query: String?) {
        var parsed: [Parameter] = []
        for pair in (query ?? "").split(separator: "&") {
            let equals = pair.firstIndex(of: "=")
            let name = PercentEncoding.decode(pair[..<(equals ?? pair.endIndex)], plusIsSpace: true)
            let value = equals.map { pair[pair.index(after: $0)...] } ?? ""
            guard let name, let value = PercentEncoding.decode(value, plusIsSpace: true) else { return nil }
            if !name.isEmpty { parsed.append(Parameter(name: name, value: value)) }
        }
        parameters = parsed
    }

    func first(_ name: String) -> String? { parameters.first { $0.name == name }?.value }
}
