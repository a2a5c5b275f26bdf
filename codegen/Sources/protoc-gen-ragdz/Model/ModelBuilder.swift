/// Turns descriptors into the model.
struct ModelBuilder {
    let names: TypeNames
    let provided: ProvidedFiles
    /// The file that declares each message and enum.
    private var homes: [String: String] = [:]
    private let layout: Layout
    private var mapEntries: [String: ProtoMessageDescriptor] = [:]
    private var firstValues: [String: String] = [:]

    init(_ files: [ProtoFile], provided: ProvidedFiles) {
        self.provided = provided
        names = TypeNames(files)
        layout = Layout(files)
        for file in files {
            for message in file.messages { index(message, file.name) }
            for enumeration in file.enums { index(enumeration, file.name) }
        }
    }

    private mutating func index(_ message: ProtoMessageDescriptor, _ file: String) {
        homes[message.fullName] = file
        if message.isMapEntry { mapEntries[message.fullName] = message }
        for nested in message.messages { index(nested, file) }
        for nested in message.enums { index(nested, file) }
    }

    private mutating func index(_ enumeration: ProtoEnumDescriptor, _ file: String) {
        homes[enumeration.fullName] = file
        let model = build(enumeration)
        firstValues[enumeration.fullName] = model.values.first { $0.number == 0 }?.swiftName
    }

    func build(_ file: ProtoFile) -> FileModel {
        var model = FileModel(name: file.name, isProto3: file.syntax == "proto3")
        model.messages = file.messages.map(build)
        model.enums = file.enums.map(build)
        model.services = file.services.map(build)
        for message in file.messages { addModules(message, &model.modules) }
        for method in file.services.flatMap(\.methods) {
            for type in [method.input, method.output] { addModule(of: type, &model.modules) }
        }
        return model
    }

    private func addModules(_ message: ProtoMessageDescriptor, _ modules: inout Set<String>) {
        for field in message.fields { addModule(of: field.typeName, &modules) }
        for nested in message.messages { addModules(nested, &modules) }
    }

    private func addModule(of type: String, _ modules: inout Set<String>) {
        if let home = homes[type], let module = provided.module(of: home) { modules.insert(module) }
    }

    // MARK: Messages

    private func build(_ message: ProtoMessageDescriptor) -> MessageModel {
        var model = MessageModel(
            protoName: message.fullName, swiftName: names.local(message.fullName),
            swiftPath: names[message.fullName], comment: message.comment)
        var taken: Set<String> = []
        // Members of a oneof are cases of its enum; all other fields and the oneofs are members of the message.
        var caseNames: [Int: Set<String>] = [:]
        let typeNames = Naming.oneofTypeNames(message.oneofs.map(\.name))
        let declared = Set(message.fields.compactMap(\.oneof))
        for (index, oneof) in message.oneofs.enumerated() where declared.contains(index) {
            let name = Self.unique(Naming.fieldName(oneof.name, number: 0), "_oneof", &taken)
            model.oneofs.append(
                OneofModel(
                    protoName: oneof.name, swiftName: name,
                    typeName: typeNames[index], comment: oneof.comment, index: index))
        }
        for field in message.fields where field.type != .group {
            let wanted = Naming.fieldName(field.name, number: field.number, isCase: field.oneof != nil)
            let name =
                if let oneof = field.oneof {
                    Self.unique(wanted, "_\(field.number)", &caseNames[oneof, default: []])
                } else {
                    Self.unique(wanted, "_\(field.number)", &taken)
                }
            model.fields.append(
                FieldModel(
                    protoName: field.name, swiftName: name, jsonName: field.jsonName, number: field.number,
                    comment: field.comment, isDeprecated: field.isDeprecated, kind: kind(field, in: message)))
        }
        model.messages = message.messages.filter { !$0.isMapEntry }.map(build)
        model.enums = message.enums.map(build)
        return model
    }

    private static func unique(_ name: String, _ suffix: String, _ taken: inout Set<String>) -> String {
        var candidate = name
        while !taken.insert(candidate).inserted { candidate += suffix }
        return candidate
    }

    private func kind(_ field: ProtoFieldDescriptor, in message: ProtoMessageDescriptor) -> FieldKind {
        if let entry = mapEntries[field.typeName], field.isRepeated,
            let key = entry.fields.first(where: { $0.number == 1 }),
            let value = entry.fields.first(where: { $0.number == 2 })
        {
            return .map(key: type(key), value: type(value))
        }
        let type = type(field)
        if field.isRepeated { return .repeated(type, isPacked: type.wireType != 2 && field.isPacked == true) }
        let isBoxed = layout.isBoxed(field, in: message.fullName)
        if let oneof = field.oneof { return .member(type, oneof: oneof, isIndirect: isBoxed) }
        if field.isOptional || type.isMessage { return .optional(type, isBoxed: isBoxed) }
        return .singular(type)
    }

    private func type(_ field: ProtoFieldDescriptor) -> ValueType {
        func scalar(_ name: String, _ swift: String, _ wire: UInt32, _ value: String = "0") -> ValueType {
            ValueType(
                coding: "Proto" + name, swift: swift, defaultValue: value, wireType: wire, typeName: nil,
                isMessage: false, proto: field.type)
        }
        let name = names[field.typeName]
        switch field.type {
        case .double: return scalar("Double", "Double", 1)
        case .float: return scalar("Float", "Float", 5)
        case .int64: return scalar("Int64", "Int64", 0)
        case .uint64: return scalar("UInt64", "UInt64", 0)
        case .int32: return scalar("Int32", "Int32", 0)
        case .uint32: return scalar("UInt32", "UInt32", 0)
        case .fixed64: return scalar("Fixed64", "UInt64", 1)
        case .fixed32: return scalar("Fixed32", "UInt32", 5)
        case .sfixed64: return scalar("SFixed64", "Int64", 1)
        case .sfixed32: return scalar("SFixed32", "Int32", 5)
        case .sint32: return scalar("SInt32", "Int32", 0)
        case .sint64: return scalar("SInt64", "Int64", 0)
        case .bool: return scalar("Bool", "Bool", 0, "false")
        case .string: return scalar("String", "String", 2, "\"\"")
        case .bytes: return scalar("Bytes", "[UInt8]", 2, "[]")
        case .enumeration:
            let first = firstValues[field.typeName].map { ".\($0)" } ?? "\(name)(rawValue: 0)"
            return ValueType(
                coding: "ProtoEnumeration<\(name)>", swift: name, defaultValue: first, wireType: 0,
                typeName: field.typeName, isMessage: false, proto: field.type)
        case .message, .group:
            return ValueType(
                coding: "ProtoMessage<\(name)>", swift: name, defaultValue: "nil", wireType: 2,
                typeName: field.typeName, isMessage: true, proto: field.type)
        }
    }

    // MARK: Enums and services

    private func build(_ enumeration: ProtoEnumDescriptor) -> EnumModel {
        let wanted = Naming.valueNames(enumeration.values.map(\.name), enumName: enumeration.name)
        var taken: Set<String> = []
        let values = zip(enumeration.values, wanted).map { value, name in
            let suffix = value.number < 0 ? "_n\(value.number.magnitude)" : "_\(value.number)"
            return EnumModel.Value(
                protoName: value.name, swiftName: Self.unique(name, suffix, &taken), number: value.number,
                comment: value.comment)
        }
        return EnumModel(
            protoName: enumeration.fullName, swiftName: names.local(enumeration.fullName),
            swiftPath: names[enumeration.fullName], comment: enumeration.comment, values: values)
    }

    private func build(_ service: ProtoServiceDescriptor) -> ServiceModel {
        var taken: Set<String> = []
        let methods = service.methods.map { method in
            let camel = Naming.lowerCamel(method.name)
            let isReserved = ["self", "Self", "Type", "Protocol", "init"].contains(camel)
            let name = camel.isEmpty ? "method" : isReserved ? camel + "_" : camel
            return MethodModel(
                protoName: method.name, swiftName: Self.unique(name, "_", &taken), comment: method.comment,
                input: names[method.input], output: names[method.output], descriptor: method)
        }
        return ServiceModel(
            protoName: service.fullName, swiftName: names[service.fullName], comment: service.comment, methods: methods)
    }
}
