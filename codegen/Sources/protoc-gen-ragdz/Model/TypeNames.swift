/// The Swift path of every message and enum in the request, by full proto name.
struct TypeNames {
    private(set) var paths: [String: String] = [:]
    /// Top-level Swift names: a nested type of such a name would hide the other one.
    private var topLevel: Set<String> = []

    init(_ files: [ProtoFile]) {
        for file in files {
            let prefix = Naming.prefix(package: file.package)
            for message in file.messages { topLevel.insert(prefix + Naming.typeName(message.name)) }
            for enumeration in file.enums { topLevel.insert(prefix + Naming.typeName(enumeration.name)) }
            for service in file.services { topLevel.insert(prefix + Naming.typeName(service.name)) }
        }
        var taken: Set<String> = []
        for file in files {
            let prefix = Naming.prefix(package: file.package)
            for message in file.messages {
                let name = Self.unique(prefix + Naming.typeName(message.name), "Message", Naming.reservedTypes, &taken)
                add(message, path: name)
            }
            for enumeration in file.enums {
                let name = Self.unique(prefix + Naming.typeName(enumeration.name), "Enum", Naming.reservedTypes, &taken)
                paths[enumeration.fullName] = name
            }
            for service in file.services {
                let name = Self.unique(prefix + Naming.typeName(service.name), "Service", Naming.reservedTypes, &taken)
                paths[service.fullName] = name
            }
        }
    }

    private mutating func add(_ message: ProtoMessageDescriptor, path: String) {
        paths[message.fullName] = path
        let reserved = Naming.reservedTypes.union(topLevel)
        var taken: Set<String> = Set(Naming.oneofTypeNames(message.oneofs.map(\.name)))
        for nested in message.messages where !nested.isMapEntry {
            let name = Self.unique(Naming.typeName(nested.name), "Message", reserved, &taken)
            add(nested, path: path + "." + name)
        }
        for nested in message.enums {
            paths[nested.fullName] = path + "." + Self.unique(Naming.typeName(nested.name), "Enum", reserved, &taken)
        }
    }

    private static func unique(
        _ name: String, _ suffix: String, _ reserved: Set<String>, _ taken: inout Set<String>
    ) -> String {
        var candidate = name
        while reserved.contains(candidate) || taken.contains(candidate) { candidate += suffix }
        taken.insert(candidate)
        return candidate
    }

    subscript(fullName: String) -> String { paths[fullName] ?? fullName }

    /// The last part of a type's path: how it is declared.
    func local(_ fullName: String) -> String {
        self[fullName].split(separator: ".").last.map(String.init) ?? fullName
    }
}
