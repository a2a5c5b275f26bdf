internal import Bytes
internal import ProtoRuntime
internal import RPC
internal import Schema

/// A valid request for a tenant, with every default filled in.
struct NewTenant {
    /// The caller's id, or a new one.
    let id: UUID128
    /// The caller gave the id: another tenant under the same slug is then not the one that was asked for.
    let hasOwnID: Bool
    let slug: String
    let name: String
    let region: String
    let timezone: String
    let language: String
    let plan: String
    let trialDays: Int32
    let settings: String
    /// The request as JSON with its defaults and without the id: what makes two requests the same.
    let provisioned: String

    init(_ request: Ragdz_V1_CreateTenantRequest) throws(Status) {
        hasOwnID = !request.id.isEmpty
        id = hasOwnID ? try TenantRules.id(request.id) : UUID128.v7()
        slug = try TenantRules.slug(request.slug)
        name = try TenantRules.name(request.name)
        region = try RegionTable.code(request.region)
        timezone = try TenantRules.timezone(
            request.timezone.isEmpty ? RegionTable.timezone(region) : request.timezone)
        language = try TenantRules.language(request.defaultLanguage.isEmpty ? "fr" : request.defaultLanguage)
        plan = try TenantRules.plan(request.plan.isEmpty ? "free" : request.plan)
        guard TenantRules.trialDays.contains(request.trialDays) else {
            throw .invalidArgument(
                "trial_days is 0 to 90; 0 means no trial.", reason: "INVALID_TRIAL", field: "trial_days")
        }
        trialDays = request.trialDays
        settings = try TenantRules.settings(request.settings)
        var complete = request
        complete.id = ""
        complete.timezone = timezone
        complete.defaultLanguage = language
        complete.plan = plan
        complete.unknownFields = UnknownFields()
        do { provisioned = try complete.jsonString() } catch {
            throw .invalidArgument("The request cannot be written as JSON.", reason: "INVALID_SETTINGS")
        }
    }
}

/// A valid change of a tenant: nil leaves a field as it is.
struct TenantChange {
    private(set) var name: String?
    private(set) var timezone: String?
    private(set) var language: String?
    private(set) var settings: String?
    private(set) var plan: String?
    private(set) var region: String?

    /// Reads the fields that the mask names. Only an operator may name `plan` and `region`.
    init(_ request: Ragdz_V1_UpdateTenantRequest, byOperator: Bool) throws(Status) {
        let paths = request.updateMask?.paths ?? []
        guard !paths.isEmpty else {
            throw .invalidArgument(
                "update_mask names the fields to change, e.g. \"name,settings\".", reason: "EMPTY_UPDATE_MASK",
                field: "update_mask")
        }
        let tenant = request.tenant ?? Ragdz_V1_Tenant()
        for path in paths {
            if Self.operatorFields.contains(path), !byOperator {
                throw .permissionDenied(
                    "\(path) is changed by the platform's operator, not by a tenant's key.",
                    reason: "OPERATOR_ONLY_FIELD")
            }
            try read(path, from: tenant)
        }
    }

    private static let operatorFields = ["plan", "region"]
    private static let immutableFields = [
        "id", "slug", "status", "trial_end", "create_time", "update_time", "suspend_reason",
    ]

    private mutating func read(_ path: String, from tenant: Ragdz_V1_Tenant) throws(Status) {
        switch path {
        case "name": name = try TenantRules.name(tenant.name, field: "tenant.name")
        case "timezone": timezone = try TenantRules.timezone(tenant.timezone, field: "tenant.timezone")
        case "default_language":
            language = try TenantRules.language(tenant.defaultLanguage, field: "tenant.default_language")
        case "settings": settings = try TenantRules.settings(tenant.settings, field: "tenant.settings")
        case "plan": plan = try TenantRules.plan(tenant.plan, field: "tenant.plan")
        case "region": region = try RegionTable.code(tenant.region, field: "tenant.region")
        default:
            if Self.immutableFields.contains(path) {
                throw .invalidArgument(
                    "\(path) cannot be changed by an update.", reason: "IMMUTABLE_FIELD", field: "update_mask")
            }
            throw .invalidArgument(
                "update_mask names \"\(path.prefix(64))\", which is no field of a tenant.", reason: "UNKNOWN_FIELD",
                field: "update_mask")
        }
    }
}
