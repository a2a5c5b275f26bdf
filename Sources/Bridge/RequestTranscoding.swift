internal import ProtoRuntime
internal import RPC

/// Turns the parts of an HTTP request into the wire form of the method's request message.
///
/// Each part is decoded by itself and the wire forms are joined: Protocol Buffers define the concatenation of two
/// encodings as their merge, the later one winning. So the path always wins over the query and the query over the
/// body, and no second notion of merging is needed.
struct RequestTranscoding: Sendable {
    let entry: RouteTable.Entry
    private var type: any Message.Type { entry.method.requestType }

    init(_ entry: RouteTable.Entry) { self.entry = entry }

    func wire(bindings: [PathTemplate.Binding], query: QueryParameters, body: [UInt8]) throws(Status) -> [UInt8] {
        var wire = try bodyPart(body)
        if entry.rule.body != "*" {
            wire += try queryPart(query)
            if entry.verb == "PATCH", query.first("update_mask") == nil, query.first("updateMask") == nil {
                wire += try impliedMask(body)
            }
        }
        return wire + (try pathPart(bindings))
    }

    private func bodyPart(_ body: [UInt8]) throws(Status) -> [UInt8] {
        switch entry.rule.body {
        case "": return []
        case "*":
            // A POST with nothing to say needs no body: `curl -X POST …:resume`.
            return body.isEmpty ? [] : try decode(body)
        case let field:
            if body.isEmpty { return [] }
            // Read it by itself first, so that a second member cannot follow inside our wrapping.
            do { _ = try Google_Protobuf_Value(json: body) } catch { throw Self.badBody(error) }
            return try decode(Array("{\(JSONText.quote(field)):".utf8) + body + [UInt8(ascii: "}")])
        }
    }

    private func decode(_ json: [UInt8]) throws(Status) -> [UInt8] {
        do { return try MessageCoding.wire(type, json: json) } catch { throw Self.badBody(error) }
    }

    private static func badBody(_ error: JSONError) -> Status {
        .invalidArgument("The JSON body cannot be read: \(error).", reason: "INVALID_JSON")
    }

    /// Every parameter is a field; the same name several times is a repeated field.
    private func queryPart(_ query: QueryParameters) throws(Status) -> [UInt8] {
        var wire: [UInt8] = []
        for parameter in query.parameters {
            wire += try decodeParameter(parameter.name, parameter.value)
        }
        return wire
    }

    /// The type of the field decides which JSON form fits: a string (also for numbers, enums, timestamps and masks),
    /// a bare `true` or number, or one element of a list.
    private func decodeParameter(_ name: String, _ value: String) throws(Status) -> [UInt8] {
        let path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let quoted = JSONText.quote(value)
        var forms = [quoted]
        if value == "true" || value == "false" || Int32(value) != nil { forms.append(value) }
        forms += forms.map { "[\($0)]" }
        for form in forms {
            if let wire = try? MessageCoding.wire(type, json: JSONText.object(path, form)) { return wire }
        }
        throw .invalidArgument(
            "The query parameter \(name.prefix(100)) is unknown or its value does not fit. See /openapi.json.",
            reason: "INVALID_QUERY_PARAMETER", field: String(name.prefix(100)))
    }

    private func pathPart(_ bindings: [PathTemplate.Binding]) throws(Status) -> [UInt8] {
        var wire: [UInt8] = []
        for binding in bindings {
            do {
                wire += try MessageCoding.wire(
                    type, json: JSONText.object(binding.field, JSONText.quote(binding.value)))
            } catch {
                let name = binding.field.joined(separator: ".")
                throw .invalidArgument(
                    "The part \(name) of the path does not fit.", reason: "INVALID_PATH", field: name)
            }
        }
        return wire
    }

    /// A PATCH without a mask changes the members that its body has.
    private func impliedMask(_ body: [UInt8]) throws(Status) -> [UInt8] {
        guard !body.isEmpty, let members = try? Google_Protobuf_Struct(json: body).fields.keys else { return [] }
        let paths = members.filter { $0 != "id" }.map(Self.lowerCamelCase).sorted().joined(separator: ",")
        return (try? MessageCoding.wire(type, json: "{\"update_mask\":\(JSONText.quote(paths))}")) ?? []
    }

    private static func lowerCamelCase(_ name: String) -> String {
        let parts = name.split(separator: "_")
        guard let first = parts.first else { return name }
        return parts.dropFirst().reduce(String(first)) { $0 + $1.prefix(1).uppercased() + $1.dropFirst() }
    }
}
