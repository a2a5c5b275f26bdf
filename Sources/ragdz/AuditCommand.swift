internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The log of changes of a tenant, and the proof that it is whole.",
        subcommands: [List.self, Verify.self])

    typealias Client = Ragdz_V1_Tenants.Client

    static func show(_ page: Ragdz_V1_ListAuditEntriesResponse) {
        Terminal.table(
            ["NUMBER", "TIME", "ACTOR", "ACTION", "TARGET"],
            page.entries.map { [String($0.sequence), Terminal.date($0.time), $0.actor, $0.action, $0.target] })
        PagingOptions.mention(page.nextPageToken)
    }

    static func show(_ verdict: Ragdz_V1_AuditVerdict, json: Bool) throws {
        if json {
            try Terminal.printJSON(verdict)
        } else {
            Terminal.fields([
                ("intact", verdict.intact ? "yes" : "NO"), ("entries", String(verdict.entries)),
                ("defect", verdict.defect),
                ("first bad", verdict.intact ? "" : String(verdict.firstBadSequence)),
                ("last number", String(verdict.lastSequence)), ("last hash", verdict.lastHash),
            ])
        }
        if !verdict.intact { throw ExitCode(1) }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists changes, newest first.")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions
        @Option(help: "Another tenant, for operators.")
        var tenant = "me"

        func run() async throws {
            var request = Ragdz_V1_ListAuditEntriesRequest()
            request.id = tenant
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listAuditEntries(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                show(page)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Computes the hash chain again; exit code 1 when the log is not what it was.",
            discussion: """
                Write down the last number and hash that it prints, outside of the platform, and give them to a later \
                verification with --sequence and --hash: then a log that was written anew as a whole is found out too.
                """)
        @OptionGroup var connection: ConnectionOptions
        @Option(help: "Another tenant, for operators.")
        var tenant = "me"
        @Option(help: "A number whose hash was written down earlier.")
        var sequence: Int64 = 0
        @Option(help: "The hash of that number, in hexadecimal digits.")
        var hash = ""

        func run() async throws {
            var request = Ragdz_V1_VerifyAuditRequest()
            request.id = tenant
            request.knownSequence = sequence
            request.knownHash = hash
            try await Session.run(connection) { [request, json = connection.json] session in
                let verdict = try await Client(session.client).verifyAudit(request, options: session.options)
                try show(verdict, json: json)
            }
        }
    }
}
