internal import Configuration
internal import Embedded
internal import NIOCore

extension Settings {
    /// Reads the settings: `overrides` from the command line first, then `RAGDZ_…`, then the JSON file.
    ///
    /// `database.url` is `RAGDZ_DATABASE_URL` in the environment and `{"database": {"url": …}}` in the file.
    init(overrides: [String: String], file: String?) async throws {
        let given = overrides.map {
            (AbsoluteConfigKey(ConfigKey($0.key)), ConfigValue(.string($0.value), isSecret: false))
        }
        var providers: [any ConfigProvider] = [
            InMemoryProvider(name: "command line", values: Dictionary(uniqueKeysWithValues: given)),
            EnvironmentVariablesProvider().prefixKeys(with: "ragdz"),
        ]
        if let file {
            let path = ConfigReader(
                provider: InMemoryProvider(values: ["filePath": ConfigValue(.string(file), isSecret: false)]))
            do { providers.append(try await FileProvider<JSONSnapshot>(config: path)) } catch {
                throw Invalid("The configuration file \(file) cannot be read as JSON: \(error)")
            }
        }
        try self.init(ConfigReader(providers: providers))
        try validate()
    }

    private init(_ reader: ConfigReader) throws {
        dataFolder = reader.string(forKey: "data", default: "ragdz-data")
        listen = try Self.address(reader, "listen", default: "127.0.0.1:7443")
        let bridge = reader.string(forKey: "bridge")
        self.bridge = bridge == "off" ? nil : try Self.address(reader, "bridge", default: "127.0.0.1:7480")
        bridgeOrigins = try Self.origins(Self.text(reader, "bridge.origins"))
        features = try Self.features(reader.string(forKey: "features"))
        threads = try Self.number(reader, "threads") ?? System.coreCount
        logLevel = reader.string(forKey: "log.level", default: "info")
        callLogging = try Self.callLogging(reader.string(forKey: "log.calls"))
        databaseURL = Self.text(reader, "database.url", isSecret: true)
        databaseOwnerURL = Self.text(reader, "database.owner.url", isSecret: true)
        databaseConnections = try Self.number(reader, "database.connections")
        embeddingsURL = Self.text(reader, "embeddings.url")
        embeddingsModel = Self.text(reader, "embeddings.model")
        embeddingsDimension = try Self.number(reader, "embeddings.dimension")
        embeddingsKey = Self.text(reader, "embeddings.key", isSecret: true)
        embeddingsRevision = Self.text(reader, "embeddings.revision")
        secondEmbeddings = try Self.secondEmbeddings(reader)
        chatURL = Self.text(reader, "chat.url")
        chatModel = Self.text(reader, "chat.model")
        chatKey = Self.text(reader, "chat.key", isSecret: true)
        pepper = Self.text(reader, "key.pepper", isSecret: true)
        sessionKeys = Self.text(reader, "session.keys", isSecret: true)
        tls = try Self.tls(reader)
        allowsPlaintext = reader.string(forKey: "plaintext") == "allow"
        stopSeconds = try Self.number(reader, "stop.seconds") ?? 20
    }

    /// An empty value counts as none, so that a variable can be switched off.
    private static func text(_ reader: ConfigReader, _ key: ConfigKey, isSecret: Bool = false) -> String? {
        reader.string(forKey: key, isSecret: isSecret).flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func number(_ reader: ConfigReader, _ key: ConfigKey) throws -> Int? {
        guard let text = text(reader, key) else { return reader.int(forKey: key) }
        guard let number = Int(text) else { throw Invalid("\(name(key)) is a number, not \"\(text)\".") }
        return number
    }

    private static func address(_ reader: ConfigReader, _ key: ConfigKey, default text: String) throws -> ListenAddress
    {
        let text = reader.string(forKey: key, default: text)
        guard let address = ListenAddress(text) else {
            throw Invalid("\(name(key)) is host:port, such as 127.0.0.1:7443 or [::1]:0, not \"\(text)\".")
        }
        return address
    }

    /// `https://app.example,https://other.example:8443`: scheme, host and port, as browsers send them.
    private static func origins(_ text: String?) throws -> [String] {
        try (text ?? "").split(separator: ",").map { part in
            let origin = part.filter { $0 != " " }
            let rest = ["https://", "http://"].first(where: origin.hasPrefix).map { origin.dropFirst($0.count) } ?? ""
            guard !rest.isEmpty, !rest.contains("/"), !rest.contains("*") else {
                throw Invalid("RAGDZ_BRIDGE_ORIGINS names \"\(origin)\"; an origin is such as https://app.example.")
            }
            return origin
        }
    }

    private static func features(_ text: String?) throws -> Set<Feature> {
        guard let text else { return Set(Feature.allCases) }
        return try Set(
            text.split(separator: ",").map { part in
                let name = part.filter { $0 != " " }
                guard let feature = Feature(rawValue: name) else {
                    let known = Feature.allCases.map(\.rawValue).joined(separator: ", ")
                    throw Invalid("RAGDZ_FEATURES names \"\(name)\"; there are \(known).")
                }
                return feature
            })
    }

    private static func callLogging(_ text: String?) throws -> CallLogging {
        guard let text else { return .all }
        guard let logging = CallLogging(rawValue: text) else {
            throw Invalid("RAGDZ_LOG_CALLS is all, failures or off, not \"\(text)\".")
        }
        return logging
    }

    /// A second model is known by its URL; the rest has to be there, too. Without a URL it is the second one of the embedded
    /// server.
    private static func secondEmbeddings(_ reader: ConfigReader) throws -> SecondEmbeddings? {
        guard let url = text(reader, "embeddings.second.url") else {
            guard let model = text(reader, "embeddings.second.model") else { return nil }
            guard text(reader, "embeddings.url") == nil, model == EmbeddingServer.shortModel else {
                throw Invalid(
                    "RAGDZ_EMBEDDINGS_SECOND_MODEL needs RAGDZ_EMBEDDINGS_SECOND_URL, or is "
                        + "\(EmbeddingServer.shortModel) where no RAGDZ_EMBEDDINGS_URL is set.")
            }
            return SecondEmbeddings(url: nil, model: model, dimension: EmbeddingServer.shortDimensions)
        }
        guard let model = text(reader, "embeddings.second.model"),
            let dimension = try number(reader, "embeddings.second.dimension")
        else {
            throw Invalid(
                "RAGDZ_EMBEDDINGS_SECOND_URL needs RAGDZ_EMBEDDINGS_SECOND_MODEL and "
                    + "RAGDZ_EMBEDDINGS_SECOND_DIMENSION.")
        }
        return SecondEmbeddings(
            url: url, model: model, dimension: dimension,
            key: text(reader, "embeddings.second.key", isSecret: true),
            revision: text(reader, "embeddings.second.revision"))
    }

    private static func tls(_ reader: ConfigReader) throws -> TLSFiles? {
        let (authority, services) = (text(reader, "tls.client.ca"), text(reader, "services"))
        var files: TLSFiles?
        switch (text(reader, "tls.cert"), text(reader, "tls.key")) {
        case (let certificate?, let key?): files = TLSFiles(certificate: certificate, key: key)
        case (nil, nil): break
        default: throw Invalid("RAGDZ_TLS_CERT and RAGDZ_TLS_KEY belong together: give both or none.")
        }
        guard authority == nil || files != nil else {
            throw Invalid(
                "RAGDZ_TLS_CLIENT_CA needs RAGDZ_TLS_CERT and RAGDZ_TLS_KEY: client certificates come with TLS.")
        }
        guard services == nil || authority != nil else {
            throw Invalid("RAGDZ_SERVICES needs RAGDZ_TLS_CLIENT_CA: services are known by certificates of that CA.")
        }
        files?.clientAuthority = authority
        files?.services = services
        switch text(reader, "tls.client") {
        case nil, "optional": break
        case "required" where authority != nil: files?.requiresClient = true
        case "required": throw Invalid("RAGDZ_TLS_CLIENT=required needs RAGDZ_TLS_CLIENT_CA.")
        case let other?: throw Invalid("RAGDZ_TLS_CLIENT is optional or required, not \"\(other)\".")
        }
        return files
    }

    private static func name(_ key: ConfigKey) -> String {
        "RAGDZ_" + key.components.joined(separator: "_").uppercased()
    }
}
