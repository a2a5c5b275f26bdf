internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct UsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage", abstract: "What a tenant has used of its quotas, and what is left.",
        subcommands: [Show.self, Stats.self, Limit.self, Reconcile.self], defaultSubcommand: Show.self)

    typealias Client = Ragdz_V1_Tenants.Client

    static func show(_ quotas: [Ragdz_V1_QuotaUsage]) {
        Terminal.table(
            ["QUOTA", "USED", "RESERVED", "LIMIT", "RESETS", ""],
            quotas.map { quota in
                [
                    quota.quota, String(quota.used), String(quota.reserved),
                    quota.unlimited ? "none" : String(quota.limit), Terminal.date(quota.resetTime),
                    quota.overridden ? "own limit" : "",
                ]
            })
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the quotas of a tenant.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the tenant; \"me\" is the key's own.")
        var id = "me"

        func run() async throws {
            var request = Ragdz_V1_GetUsageRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                let usage = try await Client(session.client).getUsage(request, options: session.options)
                if json { return try Terminal.printJSON(usage) }
                show(usage.quotas)
            }
        }
    }

    struct Stats: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows how a tenant uses the platform (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_GetTenantStatsRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                let stats = try await Client(session.client).getTenantStats(request, options: session.options)
                if json { return try Terminal.printJSON(stats) }
                Terminal.fields([
                    ("collections", String(stats.collections)), ("documents", String(stats.documents)),
                    ("chunks", String(stats.chunks)), ("bytes", String(stats.bytes)),
                    ("live keys", String(stats.liveKeys)), ("workflows", String(stats.workflows)),
                    ("open runs", String(stats.openRuns)), ("succeeded runs", String(stats.succeededRuns)),
                    ("failed runs", String(stats.failedRuns)), ("cancelled runs", String(stats.cancelledRuns)),
                    ("last key use", Terminal.date(stats.lastKeyUseTime)),
                    ("last document", Terminal.date(stats.lastDocumentTime)),
                    ("last run", Terminal.date(stats.lastRunTime)),
                ])
                show(stats.usage?.quotas ?? [])
            }
        }
    }

    struct Limit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a tenant a limit of its own, or the plan's again (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Argument(help: "documents, chunks, bytes, members, keys, queries, tokens or runs.")
        var quota: String
        @Argument(help: "A number, \"none\" for no limit, or \"plan\" for the plan's.")
        var limit: String

        func run() async throws {
            var request = Ragdz_V1_SetQuotaRequest()
            request.id = id
            request.quota = quota
            switch limit {
            case "none": request.unlimited = true
            case "plan": break
            default:
                guard let number = Int64(limit) else {
                    throw Failure.usage("The limit is a number, \"none\" or \"plan\".")
                }
                request.limit = number
            }
            try await Session.run(connection) { [request, json = connection.json] session in
                let usage = try await Client(session.client).setQuota(request, options: session.options)
                if json { return try Terminal.printJSON(usage) }
                show([usage])
            }
        }
    }

    struct Reconcile: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Counts again what a tenant has and compares (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Flag(help: "Puts right what differs.") var repair = false

        func run() async throws {
            var request = Ragdz_V1_ReconcileUsageRequest()
            request.id = id
            request.repair = repair
            try await Session.run(connection) { [request, json = connection.json] session in
                let found = try await Client(session.client).reconcileUsage(request, options: session.options)
                if json { return try Terminal.printJSON(found) }
                if found.intact { return Terminal.write("Every counter is what is there.\n") }
                Terminal.table(
                    ["QUOTA", "USED", "IN FACT", "RESERVED", "IN FACT"],
                    found.differences.map {
                        [
                            $0.quota, String($0.used), String($0.usedInFact), String($0.reserved),
                            String($0.reservedInFact),
                        ]
                    })
            }
        }
    }
}
