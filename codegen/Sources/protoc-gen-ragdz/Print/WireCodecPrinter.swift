/// Prints the binary codec of a message.
struct WireCodecPrinter {
    let visibility: String
    let message: MessageModel

    func printMeasure(_ out: inout CodePrinter) {
        out.block("\(visibility) func measure(_ sizes: inout WireSizes) -> Int") { out in
            if message.fields.isEmpty { return out.line("unknownFields.bytes.count") }
            out.line("var size = unknownFields.bytes.count")
            printFields(&out, call: "size += sizes")
            out.line("return size")
        }
    }

    func printEncode(_ out: inout CodePrinter) {
        out.block("\(visibility) func encode(into writer: inout WireWriter)") { out in
            printFields(&out, call: "writer")
            out.line("writer.unknown(unknownFields)")
        }
    }

    /// `measure` and `encode` visit the same fields in the same order.
    private func printFields(_ out: inout CodePrinter, call: String) {
        for (oneof, fields) in groups(message) {
            if let oneof {
                printOneof(oneof, fields, &out, call: call)
                continue
            }
            for field in fields {
                let name = member(field.swiftName)
                switch field.kind {
                case .singular(let type): out.line("\(call).singular(\(type.coding).self, \(field.number), \(name))")
                case .optional(let type, _): out.line("\(call).optional(\(type.coding).self, \(field.number), \(name))")
                case .repeated(let type, let isPacked):
                    let verb = isPacked ? "packed" : "repeated"
                    out.line("\(call).\(verb)(\(type.coding).self, \(field.number), \(name))")
                case .map(let key, let value):
                    out.line("\(call).map(\(key.coding).self, \(value.coding).self, \(field.number), \(name))")
                case .member: break
                }
            }
        }
    }

    private func printOneof(_ oneof: OneofModel, _ fields: [FieldModel], _ out: inout CodePrinter, call: String) {
        out.line("switch \(member(oneof.swiftName)) {")
        for field in fields {
            guard case .member(let type, _, _) = field.kind else { continue }
            out.line(
                "case .\(Naming.escaped(field.swiftName))(let value): "
                    + "\(call).always(\(type.coding).self, \(field.number), value)")
        }
        let all = message.fields.filter { if case .member(_, oneof.index, _) = $0.kind { true } else { false } }.count
        out.line(all == fields.count ? "case nil: break" : "default: break")
        out.line("}")
    }

    // MARK: Decoding

    func printDecode(_ out: inout CodePrinter) {
        out.block("\(visibility) mutating func decode(from reader: inout WireReader) throws(WireError)") { out in
            out.block("while let tag = try reader.nextTag()") { out in
                out.line("switch tag {")
                for field in message.sortedFields { printCase(field, &out) }
                out.line("default: try reader.unknown(tag, &unknownFields)")
                out.line("}")
            }
        }
    }

    private func printCase(_ field: FieldModel, _ out: inout CodePrinter) {
        func tag(_ wire: UInt32) -> UInt32 { field.number << 3 | wire }
        let name = member(field.swiftName)
        switch field.kind {
        case .singular(let type):
            out.line("case \(tag(type.wireType)): try reader.singular(\(type.coding).self, &\(name))")
        case .optional(let type, _):
            out.line("case \(tag(type.wireType)): try reader.optional(\(type.coding).self, &\(name))")
        case .repeated(let type, _):
            out.line("case \(tag(type.wireType)): try reader.repeated(\(type.coding).self, &\(name))")
            // Parsers accept packed and unpacked alike.
            if type.wireType != 2 { out.line("case \(tag(2)): try reader.packed(\(type.coding).self, &\(name))") }
        case .map(let key, let value):
            out.line("case \(tag(2)): try reader.map(\(key.coding).self, \(value.coding).self, &\(name))")
        case .member(let type, let index, _):
            printMember(field, type, index, tag(type.wireType), &out)
        }
    }

    private func printMember(
        _ field: FieldModel, _ type: ValueType, _ index: Int, _ tag: UInt32, _ out: inout CodePrinter
    ) {
        guard let oneof = message.oneofs.first(where: { $0.index == index }) else { return }
        let name = member(oneof.swiftName)
        let label = Naming.escaped(field.swiftName)
        if !type.isMessage {
            return out.line("case \(tag): \(name) = .\(label)(try reader.value(\(type.coding).self))")
        }
        out.line("case \(tag):")
        out.indented { out in
            out.line("let old: \(type.swift)? = if case .\(label)(let value) = \(name) { value } else { nil }")
            out.line("\(name) = .\(label)(try reader.value(\(type.coding).self, merging: old))")
        }
    }
}
