/// One method under one HTTP rule as an OpenAPI operation.
struct OpenAPIOperation {
    let service: ProtoServiceDescriptor
    let method: ProtoMethodDescriptor
    let rule: HTTPRuleOption
    /// Distinguishes the operations of additional bindings.
    let suffix: String

    /// `/v1/tenants/{tenant.id}` as `/v1/tenants/{id}`, because OpenAPI takes paths that differ in the names of their
    /// variables only for the same path; and the variables as the rule names them. A pattern after `=` is dropped.
    var path: (template: String, variables: [String]) {
        var template = ""
        var variables: [String] = []
        var rest = rule.template[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            let name = rest[rest.index(after: open)..<close].prefix { $0 != "=" }
            template += rest[..<open] + "{\(Self.shortName(name))}"
            variables.append(String(name))
            rest = rest[rest.index(after: close)...]
        }
        return (template + rest, variables)
    }

    private static func shortName(_ variable: Substring) -> String {
        variable.split(separator: ".").last.map(String.init) ?? String(variable)
    }

    func tree(_ schemas: inout OpenAPISchemas) -> JSONTree {
        var tree: JSONTree = [
            "operationId": .text("\(service.name)_\(method.name)\(suffix)"), "tags": [.text(service.name)],
        ]
        tree = tree.described(method.comment)
        let parameters = parameters(&schemas)
        if !parameters.isEmpty { tree = tree.adding("parameters", .array(parameters)) }
        tree = tree.adding("requestBody", requestBody(&schemas)).adding("responses", responses(&schemas))
        switch method.policy?.credential {
        case 4: tree = tree.adding("security", [])
        case 2: tree = tree.adding("security", [["operator": []]])
        case 3: tree = tree.adding("security", [["tenantKey": []], ["operator": []]])
        default: tree = tree.adding("security", [["tenantKey": []]])
        }
        if let scope = method.policy?.scope, !scope.isEmpty { tree = tree.adding("x-required-scope", .text(scope)) }
        return tree
    }

    // MARK: Request

    /// A stream of requests over plain HTTP is one body of raw bytes.
    private var isUpload: Bool { method.streamsRequests && !rule.body.isEmpty && rule.body != "*" }

    private func parameters(_ schemas: inout OpenAPISchemas) -> [JSONTree] {
        let variables = path.variables
        var result: [JSONTree] = []
        for variable in variables {
            let field = find(variable, &schemas)
            result.append(
                parameter(
                    Self.shortName(variable[...]), in: "path", field.map { schemas.field($0) } ?? ["type": "string"]))
        }
        if rule.body == "*" { return result }
        guard let message = schemas.message(method.input) else { return result }
        var seen: Set<String> = [message.fullName]
        if isUpload {
            // The first message of the stream tells about the bytes: its fields are the query.
            let prefix = variables.first?.split(separator: ".").first.map(String.init) ?? ""
            guard let header = message.fields.first(where: { $0.name == prefix }),
                let type = schemas.message(header.typeName)
            else { return result }
            let bound = Set(variables.compactMap { $0.split(separator: ".").last.map(String.init) })
            // The type of the bytes is the request's content-type.
            for field in type.fields where !bound.contains(field.name) && field.name != "media_type" {
                let one = parameter(field.name, in: "query", schemas.field(field))
                result.append(field.name == "filename" ? one.adding("required", true) : one)
            }
            return result
        }
        addQuery(message, prefix: "", bound: Set(variables + [rule.body]), &seen, &schemas, &result)
        return result
    }

    /// Scalar fields, also those of nested messages, with dots between the names.
    private func addQuery(
        _ message: ProtoMessageDescriptor, prefix: String, bound: Set<String>, _ seen: inout Set<String>,
        _ schemas: inout OpenAPISchemas, _ result: inout [JSONTree]
    ) {
        for field in message.fields where !bound.contains(prefix + field.name) {
            let nested = field.type == .message ? schemas.message(field.typeName) : nil
            if let nested, !field.typeName.hasPrefix("google.protobuf.") {
                if field.isRepeated || !seen.insert(nested.fullName).inserted { continue }
                addQuery(nested, prefix: prefix + field.jsonName + ".", bound: bound, &seen, &schemas, &result)
            } else {
                result.append(parameter(prefix + field.jsonName, in: "query", schemas.field(field)))
            }
        }
    }

    private func parameter(_ name: String, in place: String, _ schema: JSONTree) -> JSONTree {
        var tree: JSONTree = ["name": .text(name), "in": .text(place)]
        if place == "path" { tree = tree.adding("required", true) }
        guard case .object(let members) = schema else { return tree.adding("schema", schema) }
        // The description belongs to the parameter.
        if let description = members.first(where: { $0.0 == "description" }) {
            tree = tree.adding("description", description.1)
        }
        return tree.adding("schema", .object(members.filter { $0.0 != "description" }))
    }

    private func find(_ path: String, _ schemas: inout OpenAPISchemas) -> ProtoFieldDescriptor? {
        var message = schemas.message(method.input)
        var field: ProtoFieldDescriptor?
        for part in path.split(separator: ".") {
            field = message?.fields.first { $0.name == part }
            message = field.flatMap { schemas.message($0.typeName) }
        }
        return field
    }

    private func requestBody(_ schemas: inout OpenAPISchemas) -> JSONTree? {
        if isUpload {
            return [
                "required": true,
                "content": ["application/octet-stream": ["schema": ["type": "string", "format": "binary"]]],
            ]
        }
        guard !rule.body.isEmpty, let message = schemas.message(method.input) else { return nil }
        let schema: JSONTree
        if rule.body == "*" {
            let bound = Set(path.variables)
            schema = bound.isEmpty ? schemas.reference(method.input) : schemas.object(message, without: bound)
        } else if let field = message.fields.first(where: { $0.name == rule.body }) {
            schema = schemas.field(field)
        } else {
            return nil
        }
        return ["required": true, "content": ["application/json": ["schema": schema]]]
    }

    // MARK: Responses

    private func responses(_ schemas: inout OpenAPISchemas) -> JSONTree {
        let schema = schemas.reference(method.output)
        let success: JSONTree =
            method.streamsResponses
            ? [
                "description": "Server-sent events; the data of each is one message of this schema.",
                "content": ["text/event-stream": ["schema": schema]],
            ]
            : ["description": "OK", "content": ["application/json": ["schema": schema]]]
        return ["200": success, "default": ["$ref": "#/components/responses/Problem"]]
    }
}
