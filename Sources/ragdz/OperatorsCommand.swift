internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct OperatorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operators", abstract: "The people who run the platform, and the log of what they did.",
        subcommands: [Create.self, List.self, Rotate.self, Revoke.self, Audit.self, Verify.self])

    typealias Client = Ragdz_V1_Operators.Client
    typealias Tenants = Ragdz_V1_Tenants.Client

    /// The credential goes alone to standard output.
    static func show(_ made: Ragdz_V1_OperatorWithCredential, json: Bool) throws {
        if json { return try Terminal.printJSON(made) }
        let end = Terminal.date(made.operator?.expireTime)
        Terminal.complain("Operator \(made.operator?.name ?? ""), until \(end). The credential is shown once:")
        Terminal.write(made.credential + "\n")
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes an operator and prints the credential once.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "2 to 63 of a-z, 0-9, ., _ and -.") var name: String
        @Option(help: "Days until it ends, 1 to 366.") var days: Int64 = 90

        func run() async throws {
            var request = Ragdz_V1_CreateOperatorRequest()
            request.name = name
            request.ttl = Google_Protobuf_Duration(seconds: days * 86_400)
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).createOperator(request, options: session.options), json: json)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists operators, ended ones included.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListOperatorsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listOperators(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["NAME", "CREDENTIAL", "MADE BY", "MADE", "UNTIL", "ENDED"],
                    page.operators.map {
                        [
                            $0.name, $0.credentialID, $0.createdBy, Terminal.date($0.createTime),
                            Terminal.date($0.expireTime), Terminal.date($0.revokeTime),
                        ]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives an operator a new credential; the old one ends at once.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var name: String
        @Option(help: "Days until it ends, 1 to 366.") var days: Int64 = 90

        func run() async throws {
            var request = Ragdz_V1_RotateOperatorRequest()
            request.name = name
            request.ttl = Google_Protobuf_Duration(seconds: days * 86_400)
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).rotateOperator(request, options: session.options), json: json)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends an operator's credential.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var name: String

        func run() async throws {
            var request = Ragdz_V1_RevokeOperatorRequest()
            request.name = name
            try await Session.run(connection) { [request, json = connection.json] session in
                let ended = try await Client(session.client).revokeOperator(request, options: session.options)
                if json { return try Terminal.printJSON(ended) }
                Terminal.complain("Operator \(ended.name) ended.")
            }
        }
    }

    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what operators did, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListOperatorAuditRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Tenants(session.client).listOperatorAudit(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                AuditCommand.show(page)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Computes the hash chain of the operators' log again; exit code 1 when it is not what it was.")
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "A number whose hash was written down earlier.") var sequence: Int64 = 0
        @Option(help: "The hash of that number, in hexadecimal digits.") var hash = ""

        func run() async throws {
            var request = Ragdz_V1_VerifyOperatorAuditRequest()
            request.knownSequence = sequence
            request.knownHash = hash
            try await Session.run(connection) { [request, json = connection.json] session in
                let verdict = try await Tenants(session.client).verifyOperatorAudit(request, options: session.options)
                try AuditCommand.show(verdict, json: json)
            }
        }
    }
}
