/// Prints a message: its fields, and its codecs in an extension.
struct MessagePrinter {
    let visibility: String

    func printType(_ message: MessageModel, _ out: inout CodePrinter) {
        out.doc(message.comment)
        out.block("\(visibility) struct \(message.swiftName): Message") { out in
            out.line("\(visibility) static var protoMessageName: String { \(CodePrinter.literal(message.protoName)) }")
            if !message.fields.isEmpty { out.line() }
            printFields(message, &out)
            out.line("\(visibility) var unknownFields = UnknownFields()")
            out.line()
            out.line("\(visibility) init() {}")
            for oneof in message.oneofs {
                out.line()
                printOneofType(oneof, message, &out)
            }
            for enumeration in message.enums {
                out.line()
                EnumPrinter(visibility: visibility).printType(enumeration, &out)
            }
            for nested in message.messages {
                out.line()
                printType(nested, &out)
            }
        }
    }

    private func printFields(_ message: MessageModel, _ out: inout CodePrinter) {
        var printed: Set<Int> = []
        for field in message.fields {
            switch field.kind {
            case .member(_, let index, _):
                guard printed.insert(index).inserted, let oneof = message.oneofs.first(where: { $0.index == index })
                else { continue }
                out.doc(oneof.comment)
                out.line("\(visibility) var \(Naming.escaped(oneof.swiftName)): \(oneof.typeName)?")
            case .singular(let type):
                out.doc(field.comment)
                out.line("\(visibility) var \(Naming.escaped(field.swiftName)): \(type.swift) = \(type.defaultValue)")
            case .optional(let type, let isBoxed):
                out.doc(field.comment)
                let name = Naming.escaped(field.swiftName)
                if isBoxed {
                    printBoxed(field, type, &out)
                } else {
                    out.line("\(visibility) var \(name): \(type.swift)?")
                }
            case .repeated(let type, _):
                out.doc(field.comment)
                out.line("\(visibility) var \(Naming.escaped(field.swiftName)): [\(type.swift)] = []")
            case .map(let key, let value):
                out.doc(field.comment)
                out.line(
                    "\(visibility) var \(Naming.escaped(field.swiftName)): [\(key.swift): \(value.swift)] = [:]")
            }
        }
    }

    private func printBoxed(_ field: FieldModel, _ type: ValueType, _ out: inout CodePrinter) {
        out.block("\(visibility) var \(Naming.escaped(field.swiftName)): \(type.swift)?") { out in
            out.line("get { _\(field.swiftName)?.value }")
            out.line("set { _\(field.swiftName) = newValue.map { Boxed($0) } }")
        }
        out.line("private var _\(field.swiftName): Boxed<\(type.swift)>?")
    }

    private func printOneofType(_ oneof: OneofModel, _ message: MessageModel, _ out: inout CodePrinter) {
        out.block("\(visibility) enum \(oneof.typeName): Hashable, Sendable") { out in
            for field in message.fields {
                guard case .member(let type, let index, let isIndirect) = field.kind, index == oneof.index else {
                    continue
                }
                out.doc(field.comment)
                out.line("\(isIndirect ? "indirect " : "")case \(Naming.escaped(field.swiftName))(\(type.swift))")
            }
        }
    }

    /// The codecs of `message` and of the messages in it, an extension each.
    func printCodec(_ message: MessageModel, _ out: inout CodePrinter) {
        out.line()
        out.block("extension \(message.swiftPath)") { out in
            let wire = WireCodecPrinter(visibility: visibility, message: message)
            wire.printMeasure(&out)
            out.line()
            wire.printEncode(&out)
            out.line()
            wire.printDecode(&out)
            let json = JSONCodecPrinter(visibility: visibility, message: message)
            out.line()
            json.printTable(&out)
            out.line()
            json.printEncode(&out)
            out.line()
            json.printDecode(&out)
        }
        for nested in message.messages { printCodec(nested, &out) }
    }
}

/// A field where its value is read or written in the codecs: `self.` is written where a local has the same name.
func member(_ name: String) -> String {
    let locals: Set<String> = ["size", "sizes", "writer", "reader", "json", "tag", "field", "object", "value", "old"]
    return locals.contains(name) || Naming.keywords.contains(name) ? "self.\(name)" : name
}

/// Fields in the order of their numbers; members of one oneof that follow each other stand together.
func groups(_ message: MessageModel) -> [(oneof: OneofModel?, fields: [FieldModel])] {
    var result: [(oneof: OneofModel?, fields: [FieldModel])] = []
    for field in message.sortedFields {
        guard case .member(_, let index, _) = field.kind,
            let oneof = message.oneofs.first(where: { $0.index == index })
        else {
            result.append((nil, [field]))
            continue
        }
        if let last = result.last, last.oneof?.index == index {
            result[result.count - 1].fields.append(field)
        } else {
            result.append((oneof, [field]))
        }
    }
    return result
}
