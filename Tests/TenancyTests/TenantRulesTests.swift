import Bytes
import ProtoRuntime
import RPC
import Schema
import Testing

@testable import Tenancy

@Suite struct TenantRulesTests {
    static func request(_ change: (inout Ragdz_V1_CreateTenantRequest) -> Void = { _ in })
        -> Ragdz_V1_CreateTenantRequest
    {
        var request = Ragdz_V1_CreateTenantRequest()
        request.slug = "acme"
        request.name = "Acme"
        request.region = .dz
        change(&request)
        return request
    }

    func reason(_ change: (inout Ragdz_V1_CreateTenantRequest) -> Void) -> String? {
        do {
            _ = try NewTenant(Self.request(change))
            return nil
        } catch { return error.reason }
    }

    @Test func defaultsAreFilledIn() throws {
        let tenant = try NewTenant(Self.request())
        #expect(tenant.timezone == "Africa/Algiers")
        #expect(tenant.language == "fr")
        #expect(tenant.plan == "free")
        #expect(tenant.settings == "{}")
        #expect(!tenant.hasOwnID)
        for (region, zone) in [
            (Ragdz_V1_Region.ch, "Europe/Zurich"), (.fr, "Europe/Paris"), (.be, "Europe/Brussels"),
            (.ca, "America/Toronto"),
        ] {
            #expect(try NewTenant(Self.request { $0.region = region }).timezone == zone)
        }
    }

    @Test func theSameRequestIsTheSameWhateverItsDefaults() throws {
        let short = try NewTenant(Self.request())
        let long = try NewTenant(
            Self.request {
                $0.id = UUID128.v4().description
                $0.timezone = "Africa/Algiers"
                $0.plan = "free"
                $0.defaultLanguage = "fr"
            })
        #expect(short.provisioned == long.provisioned)
        #expect(try NewTenant(Self.request { $0.name = "Other" }).provisioned != short.provisioned)
    }

    @Test(arguments: [
        "", "ab", "1abc", "-abc", "Acme", "acme corp", "acmé", "acme_", String(repeating: "a", count: 64), "a\0bc",
        "acme'; drop table tenants; --",
    ])
    func slugsOutsideOfTheFormAreRefused(slug: String) { #expect(reason { $0.slug = slug } == "INVALID_SLUG") }

    @Test(arguments: ["abc", "a-1", "a--", String(repeating: "a", count: 63)])
    func slugsOfTheFormAreTaken(slug: String) { #expect(reason { $0.slug = slug } == nil) }

    @Test(arguments: [
        "", "   ", "\u{3000}", "a\nb", "a\0b", String(repeating: "é", count: 201),
        String(repeating: "x", count: 10_240),
    ])
    func wrongNamesAreRefused(name: String) { #expect(reason { $0.name = name } == "INVALID_NAME") }

    @Test(arguments: ["Société Générale d'Été", "شركة الجزائر", "株式会社", String(repeating: "é", count: 200)])
    func namesOfAllScriptsAreTaken(name: String) { #expect(reason { $0.name = name } == nil) }

    @Test func theOtherFieldsHaveTheirReasons() {
        #expect(reason { $0.region = .unspecified } == "UNKNOWN_REGION")
        #expect(reason { $0.region = Ragdz_V1_Region(rawValue: 99) } == "UNKNOWN_REGION")
        #expect(reason { $0.timezone = "Mars/Olympus" } == "UNKNOWN_TIMEZONE")
        #expect(reason { $0.timezone = "../../etc/passwd" } == "UNKNOWN_TIMEZONE")
        #expect(reason { $0.timezone = "America/Argentina/Buenos_Aires" } == nil)
        #expect(reason { $0.defaultLanguage = "de" } == "UNKNOWN_LANGUAGE")
        #expect(reason { $0.plan = "gold" } == "UNKNOWN_PLAN")
        #expect(reason { $0.trialDays = -1 } == "INVALID_TRIAL")
        #expect(reason { $0.trialDays = 91 } == "INVALID_TRIAL")
        #expect(reason { $0.trialDays = 90 } == nil)
        #expect(reason { $0.id = "42" } == "INVALID_ID")
    }

    @Test func settingsHaveASize() {
        func settings(_ count: Int) -> Google_Protobuf_Struct {
            var value = Google_Protobuf_Value()
            value.kind = .stringValue(String(repeating: "x", count: count))
            var settings = Google_Protobuf_Struct()
            settings.fields = ["k": value]
            return settings
        }
        #expect(reason { $0.settings = settings(16 * 1024 - 8) } == nil)
        #expect(reason { $0.settings = settings(16 * 1024 - 7) } == "SETTINGS_TOO_LARGE")
    }

    @Test func everyTimeZoneHasItsForm() {
        #expect(TimeZones.names.count > 400)
        #expect(TimeZones.names.allSatisfy { $0 == "UTC" || $0.contains("/") })
    }
}

@Suite struct TenantChangeTests {
    func reason(
        _ paths: [String], byOperator: Bool = false, _ change: (inout Ragdz_V1_Tenant) -> Void = { _ in }
    ) -> String? {
        var request = Ragdz_V1_UpdateTenantRequest()
        var tenant = Ragdz_V1_Tenant()
        tenant.name = "New"
        tenant.plan = "pro"
        tenant.region = .ch
        change(&tenant)
        request.tenant = tenant
        var mask = Google_Protobuf_FieldMask()
        mask.paths = paths
        request.updateMask = mask
        do {
            _ = try TenantChange(request, byOperator: byOperator)
            return nil
        } catch { return error.reason }
    }

    @Test func aMaskSaysWhatChanges() throws {
        #expect(reason([]) == "EMPTY_UPDATE_MASK")
        #expect(reason(["name"]) == nil)
        #expect(reason(["name", "colour"]) == "UNKNOWN_FIELD")
        #expect(reason(["*"]) == "UNKNOWN_FIELD")
        for field in ["id", "slug", "status", "trial_end", "create_time", "update_time", "suspend_reason"] {
            #expect(reason([field], byOperator: true) == "IMMUTABLE_FIELD")
        }
        #expect(reason(["name"]) { $0.name = "" } == "INVALID_NAME")
    }

    @Test func planAndRegionAreTheOperators() {
        for field in ["plan", "region"] {
            #expect(reason([field]) == "OPERATOR_ONLY_FIELD")
            #expect(reason(["name", field]) == "OPERATOR_ONLY_FIELD")
            #expect(reason([field], byOperator: true) == nil)
        }
    }
}
