internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "API keys of a tenant.",
        subcommands: [Create.self, List.self, Get.self, Rotate.self, EndGrace.self, Revoke.self])

    typealias Client = Ragdz_V1_Keys.Client

    static func show(_ key: Ragdz_V1_Key, json: Bool) throws {
        if json { return try Terminal.printJSON(key) }
        Terminal.fields([
            ("id", key.id), ("name", key.name), ("tenant", key.tenantID), ("scopes", key.scopes.joined(separator: " ")),
            ("status", Terminal.name(key.status, dropping: "KEY_STATUS_")),
            ("expires", Terminal.date(key.expireTime)), ("last used", Terminal.date(key.lastUsedTime)),
            ("live secrets", String(key.liveSecrets)), ("old secret ends", Terminal.date(key.graceEndTime)),
            ("rotate before", Terminal.date(key.rotationDueTime)),
        ])
    }

    /// The secret goes alone to standard output, so that `KEY=$(ragdz key create …)` works.
    static func show(_ created: Ragdz_V1_KeyWithSecret, json: Bool) throws {
        if json { return try Terminal.printJSON(created) }
        Terminal.complain("Key \(created.key?.id ?? ""). The secret is shown once and cannot be read again:")
        Terminal.write(created.secret + "\n")
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a key and prints its secret once.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "1 to 100 characters.")
        var name: String
        @Option(name: .customLong("scope"), help: "E.g. retrieval.read, retrieval.*, *; may be given several times.")
        var scopes: [String]
        @Option(help: "Days until it expires; never when left out.")
        var days: Int64?
        @Option(help: "Days until a secret of it ends unless it is rotated; never when left out.")
        var rotationDays: Int64?
        @Option(
            name: .customLong("network"), help: "E.g. 10.0.0.0/8; may be given several times; anywhere when left out.")
        var networks: [String] = []
        @Option(help: "Tenant of the key, for operators.")
        var tenant = ""

        func run() async throws {
            var request = Ragdz_V1_CreateKeyRequest()
            request.name = name
            request.scopes = scopes
            request.tenantID = tenant
            request.allowedNetworks = networks
            if let days { request.ttl = Google_Protobuf_Duration(seconds: days * 86_400) }
            if let rotationDays { request.rotationPeriod = Google_Protobuf_Duration(seconds: rotationDays * 86_400) }
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).createKey(request, options: session.options), json: json)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tenant's keys.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListKeysRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listKeys(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "STATUS", "NAME", "EXPIRES", "SCOPES"],
                    page.keys.map {
                        [
                            $0.id, Terminal.name($0.status, dropping: "KEY_STATUS_"), $0.name,
                            Terminal.date($0.expireTime), $0.scopes.joined(separator: " "),
                        ]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one key, never its secret.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_GetKeyRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).getKey(request, options: session.options), json: json)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a new secret under the same id.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option(help: "Seconds that the old secret lives on: 86400 when left out, 0 ends it now.")
        var grace: Int64?
        @Option(help: "Name of this rotation: the same name gives the same secret again for a day, e.g. a UUID.")
        var requestID = ""

        func run() async throws {
            var request = Ragdz_V1_RotateKeyRequest()
            request.id = id
            request.requestID = requestID
            if let grace { request.grace = Google_Protobuf_Duration(seconds: grace) }
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).rotateKey(request, options: session.options), json: json)
            }
        }
    }

    struct EndGrace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "end-grace", abstract: "Ends the secrets before the newest one now.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_EndGraceRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).endGrace(request, options: session.options), json: json)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a key for good.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_RevokeKeyRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).revokeKey(request, options: session.options), json: json)
            }
        }
    }
}
