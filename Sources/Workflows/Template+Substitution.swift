internal import ProtoRuntime

/// What references are replaced from.
struct TemplateScope: Sendable {
    var runID: String
    var input: Google_Protobuf_Struct
    /// By step id.
    var outputs: [String: Google_Protobuf_Struct]

    /// The parameters with every reference replaced.
    ///
    /// A reference that leads nowhere, an object within a text and a result above `Limits.parameterBytes` are
    /// permanent failures: the same attempt would meet them again.
    func resolve(_ parameters: Google_Protobuf_Struct) throws(StepFailure) -> Google_Protobuf_Struct {
        var budget = Limits.parameterBytes
        return try resolve(parameters, &budget)
    }

    private func resolve(
        _ object: Google_Protobuf_Struct, _ budget: inout Int
    ) throws(StepFailure) -> Google_Protobuf_Struct {
        var resolved = Google_Protobuf_Struct()
        for (name, value) in object.fields { resolved.fields[name] = try resolve(value, &budget) }
        return resolved
    }

    private func resolve(
        _ value: Google_Protobuf_Value, _ budget: inout Int
    ) throws(StepFailure) -> Google_Protobuf_Value {
        switch value.kind {
        case .stringValue(let text):
            return try resolve(text, &budget)
        case .structValue(let object):
            return .object(try resolve(object, &budget))
        case .listValue(let list):
            var values: [Google_Protobuf_Value] = []
            for element in list.values { values.append(try resolve(element, &budget)) }
            return .list(values)
        default:
            return value
        }
    }

    private func resolve(_ text: String, _ budget: inout Int) throws(StepFailure) -> Google_Protobuf_Value {
        let template: Template
        do { template = try Template(parsing: text) } catch {
            throw .permanent(reason: "TEMPLATE", error.message)
        }
        if let sole = template.sole {
            let value = try look(up: sole)
            try spend(value.weight, &budget)
            return value
        }
        var filled = ""
        for part in template.parts {
            let piece: String
            switch part {
            case .text(let text): piece = text
            case .reference(let reference): piece = try words(of: try look(up: reference), for: reference)
            }
            try spend(piece.utf8.count, &budget)
            filled += piece
        }
        return .string(filled)
    }

    private func spend(_ bytes: Int, _ budget: inout Int) throws(StepFailure) {
        budget -= bytes
        guard budget >= 0 else {
            throw .permanent(
                reason: "PARAMETERS_TOO_LARGE",
                "The step's parameters exceed \(Limits.parameterBytes) bytes once their references are replaced.")
        }
    }

    /// The value that a reference leads to; null when it is optional and leads nowhere.
    func look(up reference: Template.Reference) throws(StepFailure) -> Google_Protobuf_Value {
        var value: Google_Protobuf_Value
        switch reference.root {
        case .run: return .string(runID)
        case .input: value = .object(input)
        case .step(let id): value = .object(outputs[id] ?? Google_Protobuf_Struct())
        }
        for word in reference.path {
            let next: Google_Protobuf_Value? =
                if let object = value.structValue {
                    object.fields[word]
                } else if let list = value.listValue?.values, let place = Int(word), list.indices.contains(place) {
                    list[place]
                } else {
                    nil
                }
            guard let next else {
                if reference.isOptional { return .null }
                throw .permanent(
                    reason: "MISSING_REFERENCE",
                    "\"${\(reference.text)}\" leads to nothing. Write \"${\(reference.text)?}\" if it may be absent.")
            }
            value = next
        }
        return value
    }

    /// How a value reads within a longer text.
    private func words(
        of value: Google_Protobuf_Value, for reference: Template.Reference
    ) throws(StepFailure) -> String {
        if let text = value.stringValue { return text }
        if let truth = value.boolValue { return truth ? "true" : "false" }
        if value.isNull || value.kind == nil { return "" }
        if let number = value.numberValue {
            // 2^53: up to here a whole number is exact, and reads without ".0".
            return number.rounded() == number && abs(number) <= 9_007_199_254_740_992
                ? String(Int64(number)) : String(number)
        }
        throw .permanent(
            reason: "TEMPLATE",
            "\"${\(reference.text)}\" is an object or a list and cannot stand within a text. Let it stand alone.")
    }

    /// Every string of the parameters, with the path of its field.
    static func strings(in object: Google_Protobuf_Struct, at path: String) -> [(field: String, text: String)] {
        object.fields.sorted { $0.key < $1.key }.flatMap { strings(in: $0.value, at: "\(path).\($0.key)") }
    }

    private static func strings(
        in value: Google_Protobuf_Value, at path: String
    ) -> [(field: String, text: String)] {
        if let text = value.stringValue { return [(path, text)] }
        if let object = value.structValue { return strings(in: object, at: path) }
        return (value.listValue?.values ?? []).enumerated().flatMap {
            strings(in: $0.element, at: "\(path)[\($0.offset)]")
        }
    }
}
