/// Prints the JSON codec of a message.
struct JSONCodecPrinter {
    let visibility: String
    let message: MessageModel

    /// The names by which fields are found.
    func printTable(_ out: inout CodePrinter) {
        if message.fields.isEmpty { return out.line("private static let jsonFields = JSONFields([])") }
        out.line("private static let jsonFields = JSONFields([")
        out.indented { out in
            for field in message.sortedFields {
                var arguments = ["\(field.number)", CodePrinter.literal(field.jsonName)]
                if field.protoName != field.jsonName { arguments.append(CodePrinter.literal(field.protoName)) }
                switch field.kind {
                case .member(let type, let oneof, _):
                    arguments.append("oneof: \(oneof)")
                    if type.acceptsNull { arguments.append("acceptsNull: true") }
                case .singular(let type), .optional(let type, _):
                    if type.acceptsNull { arguments.append("acceptsNull: true") }
                case .repeated, .map: break
                }
                out.line(".init(\(arguments.joined(separator: ", "))),")
            }
        }
        out.line("])")
    }

    func printEncode(_ out: inout CodePrinter) {
        out.block("\(visibility) func encodeJSON(into json: inout JSONWriter) throws(JSONError)") { out in
            out.line("json.beginObject()")
            for (oneof, fields) in groups(message) {
                if let oneof {
                    printOneof(oneof, fields, &out)
                    continue
                }
                for field in fields { printField(field, &out) }
            }
            out.line("json.endObject()")
        }
    }

    /// A name as it stands between the quotes of JSON text: writers do not look at it again.
    private func written(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return CodePrinter.literal(text)
    }

    private func printField(_ field: FieldModel, _ out: inout CodePrinter) {
        let name = member(field.swiftName)
        let json = written(field.jsonName)
        switch field.kind {
        case .singular(let type): out.line("try json.singular(\(type.coding).self, \(json), \(name))")
        case .optional(let type, _): out.line("try json.optional(\(type.coding).self, \(json), \(name))")
        case .repeated(let type, _): out.line("try json.repeated(\(type.coding).self, \(json), \(name))")
        case .map(let key, let value):
            out.line("try json.map(\(key.coding).self, \(value.coding).self, \(json), \(name))")
        case .member: break
        }
    }

    private func printOneof(_ oneof: OneofModel, _ fields: [FieldModel], _ out: inout CodePrinter) {
        out.line("switch \(member(oneof.swiftName)) {")
        for field in fields {
            guard case .member(let type, _, _) = field.kind else { continue }
            out.line(
                "case .\(Naming.escaped(field.swiftName))(let value): "
                    + "try json.always(\(type.coding).self, \(written(field.jsonName)), value)")
        }
        let all = message.fields.filter { if case .member(_, oneof.index, _) = $0.kind { true } else { false } }.count
        out.line(all == fields.count ? "case nil: break" : "default: break")
        out.line("}")
    }

    func printDecode(_ out: inout CodePrinter) {
        out.block("\(visibility) mutating func decodeJSON(from json: inout JSONReader) throws(JSONError)") { out in
            out.line("var object = try json.beginObject(Self.jsonFields)")
            if message.fields.isEmpty { return out.line("while try json.nextField(&object) != nil {}") }
            out.block("while let field = try json.nextField(&object)") { out in
                out.line("switch field {")
                for field in message.sortedFields { printCase(field, &out) }
                out.line("default: break")
                out.line("}")
            }
        }
    }

    private func printCase(_ field: FieldModel, _ out: inout CodePrinter) {
        let name = member(field.swiftName)
        let label = "case \(field.number):"
        switch field.kind {
        case .singular(let type): out.line("\(label) try json.singular(\(type.coding).self, &\(name))")
        case .optional(let type, _): out.line("\(label) try json.optional(\(type.coding).self, &\(name))")
        case .repeated(let type, _): out.line("\(label) try json.repeated(\(type.coding).self, &\(name))")
        case .map(let key, let value):
            out.line("\(label) try json.map(\(key.coding).self, \(value.coding).self, &\(name))")
        case .member(let type, let index, _):
            guard let oneof = message.oneofs.first(where: { $0.index == index }) else { return }
            let target = member(oneof.swiftName)
            out.line(
                "\(label) if let value = try json.value(\(type.coding).self) { "
                    + "\(target) = .\(Naming.escaped(field.swiftName))(value) }")
        }
    }
}
