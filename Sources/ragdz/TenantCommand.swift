internal import ArgumentParser
internal import ProtoRuntime
internal import Schema

struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant", abstract: "Companies on the platform.",
        subcommands: [Create.self, Get.self, List.self, Update.self, Suspend.self, Resume.self])

    typealias Client = Ragdz_V1_Tenants.Client

    static func show(_ tenant: Ragdz_V1_Tenant, json: Bool) throws {
        if json { return try Terminal.printJSON(tenant) }
        Terminal.fields([
            ("id", tenant.id), ("slug", tenant.slug), ("name", tenant.name),
            ("region", Terminal.name(tenant.region, dropping: "REGION_")), ("timezone", tenant.timezone),
            ("language", tenant.defaultLanguage), ("plan", tenant.plan),
            ("status", Terminal.name(tenant.status, dropping: "TENANT_STATUS_")),
            ("reason", tenant.suspendReason), ("trial ends", Terminal.date(tenant.trialEnd)),
            ("created", Terminal.date(tenant.createTime)),
        ])
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Provisions a tenant (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "3 to 63 of a-z, 0-9 and -; unique on the platform.")
        var slug: String
        @Option(help: "The company's name; the slug when left out.")
        var name: String?
        @Option(help: "dz, ch, fr, be or ca.")
        var region = "dz"
        @Option(help: "free, starter, pro or enterprise.")
        var plan: String?
        @Option(help: "fr, ar or en.")
        var language: String?
        @Option(help: "IANA name; the region's own when left out.")
        var timezone: String?
        @Option(help: "Days of trial, 0 to 90.")
        var trialDays: Int32 = 0

        func run() async throws {
            guard let region: Ragdz_V1_Region = Terminal.value(region, prefix: "REGION_") else {
                throw Failure.usage("The region \(region) is unknown: dz, ch, fr, be or ca.")
            }
            var request = Ragdz_V1_CreateTenantRequest()
            request.slug = slug
            request.name = name ?? slug
            request.region = region
            request.plan = plan ?? ""
            request.defaultLanguage = language ?? ""
            request.timezone = timezone ?? ""
            request.trialDays = trialDays
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).createTenant(request, options: session.options), json: json)
            }
        }
    }

    struct Get: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one tenant.")
        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "Id of the tenant; \"me\" is the key's own.")
        var id = "me"

        func run() async throws {
            var request = Ragdz_V1_GetTenantRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).getTenant(request, options: session.options), json: json)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists tenants (operator).")
        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            var request = Ragdz_V1_ListTenantsRequest()
            request.pageSize = paging.pageSize
            request.pageToken = paging.pageToken
            try await Session.run(connection) { [request, json = connection.json] session in
                let page = try await Client(session.client).listTenants(request, options: session.options)
                if json { return try Terminal.printJSON(page) }
                Terminal.table(
                    ["ID", "SLUG", "STATUS", "PLAN", "NAME"],
                    page.tenants.map {
                        [$0.id, $0.slug, Terminal.name($0.status, dropping: "TENANT_STATUS_"), $0.plan, $0.name]
                    })
                PagingOptions.mention(page.nextPageToken)
            }
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes the fields that are given.")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option var name: String?
        @Option(help: "IANA name.") var timezone: String?
        @Option(help: "fr, ar or en.") var language: String?
        @Option(help: "free, starter, pro or enterprise (operator).") var plan: String?

        func run() async throws {
            var tenant = Ragdz_V1_Tenant()
            var mask: [String] = []
            tenant.id = id
            if let name { (tenant.name, mask) = (name, mask + ["name"]) }
            if let timezone { (tenant.timezone, mask) = (timezone, mask + ["timezone"]) }
            if let language { (tenant.defaultLanguage, mask) = (language, mask + ["default_language"]) }
            if let plan { (tenant.plan, mask) = (plan, mask + ["plan"]) }
            guard !mask.isEmpty else {
                throw Failure.usage("Nothing to change: give --name, --timezone, --language or --plan.")
            }
            var request = Ragdz_V1_UpdateTenantRequest()
            request.tenant = tenant
            request.updateMask = Google_Protobuf_FieldMask(paths: mask)
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).updateTenant(request, options: session.options), json: json)
            }
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Refuses all keys of a tenant (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String
        @Option(help: "At most 500 characters.") var reason = ""

        func run() async throws {
            var request = Ragdz_V1_SuspendTenantRequest()
            request.id = id
            request.reason = reason
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).suspendTenant(request, options: session.options), json: json)
            }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a suspended tenant in again (operator).")
        @OptionGroup var connection: ConnectionOptions
        @Argument var id: String

        func run() async throws {
            var request = Ragdz_V1_ResumeTenantRequest()
            request.id = id
            try await Session.run(connection) { [request, json = connection.json] session in
                try show(try await Client(session.client).resumeTenant(request, options: session.options), json: json)
            }
        }
    }
}

/// One page of a list.
struct PagingOptions: ParsableArguments {
    @Option(help: "Entries of one page.") var pageSize: Int32 = 0
    @Option(help: "Where the last page ended.") var pageToken = ""

    static func mention(_ token: String) {
        if !token.isEmpty { Terminal.complain("More: --page-token \(token)") }
    }
}
