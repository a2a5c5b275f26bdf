import Foundation
import Support
import Testing

/// How `ragdzd` starts, what it refuses to start with, and how it ends.
@Suite(.serialized) struct StartTests {
    static var executable: String { RunningServer.products.appendingPathComponent("ragdzd").path }

    /// Runs `ragdzd` where it is expected to end by itself.
    func ragdzd(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> Finished {
        try await Finished.run(Self.executable, arguments, environment: environment)
    }

    func withFolder<R>(_ body: (String) async throws -> R) async throws -> R {
        let server = try RunningServer()
        defer { server.discard() }
        return try await body(server.data)
    }

    private static let mutual = [
        "RAGDZ_TLS_CERT": "/nowhere", "RAGDZ_TLS_KEY": "/nowhere", "RAGDZ_TLS_CLIENT_CA": "/nowhere",
    ]

    @Test func settingsThatCannotHoldAreRefusedWithWhatToDo() async throws {
        try await withFolder { data in
            for (arguments, environment, expected) in [
                (["--listen", "nonsense"], [:], "RAGDZ_LISTEN is host:port"),
                (["--listen", "0.0.0.0:0"], [:], "RAGDZ_TLS_CERT"),
                (["--features", "tenants,flying"], [:], "names \"flying\""),
                ([], ["RAGDZ_THREADS": "many"], "RAGDZ_THREADS is a number"),
                ([], ["RAGDZ_TLS_CERT": "/nowhere"], "belong together"),
                ([], ["RAGDZ_TLS_CERT": "/nowhere", "RAGDZ_TLS_KEY": "/nowhere"], "TLS cannot be set up"),
                ([], ["RAGDZ_TLS_CLIENT_CA": "/nowhere"], "RAGDZ_TLS_CLIENT_CA needs RAGDZ_TLS_CERT"),
                ([], ["RAGDZ_SERVICES": "/nowhere"], "RAGDZ_SERVICES needs RAGDZ_TLS_CLIENT_CA"),
                ([], Self.mutual.merging(["RAGDZ_SERVICES": "/nowhere"]) { $1 }, "/nowhere cannot be read"),
                ([], Self.mutual.merging(["RAGDZ_SERVICES": "/etc/passwd"]) { $1 }, "line 1: a line is PATTERN"),
                ([], Self.mutual.merging(["RAGDZ_TLS_CLIENT": "maybe"]) { $1 }, "optional or required"),
                ([], ["RAGDZ_TLS_CLIENT": "required"], "needs RAGDZ_TLS_CLIENT_CA"),
                ([], ["RAGDZ_BRIDGE_ORIGINS": "*"], "an origin is such as"),
                ([], ["RAGDZ_BRIDGE_ORIGINS": "https://a.example,https://b.example/x"], "an origin is such as"),
                ([], ["RAGDZ_LOG_LEVEL": "loud"], "RAGDZ_LOG_LEVEL is trace"),
                (["--config", "/nowhere.json"], [:], "/nowhere.json"),
                ([], ["RAGDZ_KEY_PEPPER": "short"], "A pepper is written"),
                ([], ["RAGDZ_SESSION_KEYS": "short"], "A session key is written"),
            ] as [([String], [String: String], String)] {
                let done = try await ragdzd(["serve", "--data", data] + arguments, environment)
                #expect(done.status != 0)
                #expect(done.errors.contains(expected), "\(arguments) \(environment): \(done.errors)")
            }
        }
    }

    @Test func aServerOnYourOwnDatabaseNeedsItsSchemaAndAHarmlessRole() async throws {
        let database = try await TestDatabase.fresh()
        try await withFolder { data in
            let features = ["RAGDZ_FEATURES": "tenants,keys"]
            // As a superuser row-level security binds nothing.
            let superuser = try await ragdzd(
                ["serve", "--data", data], features.merging(["RAGDZ_DATABASE_URL": database.ownerURL]) { $1 })
            #expect(superuser.status != 0)
            #expect(superuser.errors.contains("superuser"), "\(superuser.errors)")
        }
        let server = try RunningServer()
        try await server.start(environment: [
            "RAGDZ_FEATURES": "tenants,keys", "RAGDZ_DATABASE_URL": database.appURL,
            "RAGDZ_DATABASE_OWNER_URL": database.ownerURL,
        ])
        #expect(!FileManager.default.fileExists(atPath: server.data + "/postgres"), "no database of its own")
        let caller = try ServerCaller(server)
        let made = await caller.call(
            contractMethods[0], #"{"slug":"acme","name":"Acme","region":"REGION_CH"}"#,
            key: try server.operatorCredential())
        #expect(made.status == nil)
        await caller.close()
        #expect(await server.stop() == 0)
        server.discard()
    }

    @Test func anEmptyDatabaseIsRefusedUntilItIsMigrated() async throws {
        let database = try await TestDatabase.fresh()
        let name = "empty_\(database.name)"
        try await database.asOwner("create database \(name)")
        let app = database.appURL.replacingOccurrences(of: database.name, with: name)
        let owner = database.ownerURL.replacingOccurrences(of: database.name, with: name)
        try await withFolder { data in
            var environment = ["RAGDZ_FEATURES": "tenants", "RAGDZ_DATABASE_URL": app]
            let refused = try await ragdzd(["serve", "--data", data], environment)
            #expect(refused.status != 0)
            #expect(refused.errors.contains("ragdzd migrate"), "\(refused.errors)")
            let blind = try await ragdzd(["migrate", "--data", data], environment)
            #expect(blind.errors.contains("RAGDZ_DATABASE_OWNER_URL is missing"), "\(blind.errors)")
            environment["RAGDZ_DATABASE_OWNER_URL"] = owner
            for _ in 0..<2 {
                let migrated = try await ragdzd(["migrate", "--data", data], environment)
                #expect(migrated.status == 0, "\(migrated.errors)")
            }
        }
        let server = try RunningServer()
        try await server.start(environment: ["RAGDZ_FEATURES": "tenants", "RAGDZ_DATABASE_URL": app])
        #expect(await server.stop() == 0)
        server.discard()
    }

    @Test func theOperatorsCredentialIsMadeOnceAndKeptOutOfTheLog() async throws {
        let server = try RunningServer()
        let features = ["RAGDZ_FEATURES": "tenants,keys"]
        try await server.start(environment: features)
        let credential = try server.operatorCredential()
        #expect(credential.hasPrefix("ragdz_operator_"))
        #expect(Self.mode(server.data + "/operator-credential") == 0o600)
        #expect(Self.mode(server.data + "/pepper") == 0o600)
        // Another server on the same folder would fight with this one.
        let second = try await ragdzd(["serve", "--data", server.data], features)
        #expect(second.errors.contains("Another ragdzd runs"), "\(second.errors)")
        #expect(await server.stop() == 0)
        #expect(!FileManager.default.fileExists(atPath: server.data + "/addresses.json"))
        try await server.start(environment: features)
        #expect(try server.operatorCredential() == credential)
        let caller = try ServerCaller(server)
        #expect(await caller.call(contractMethods[2], "{}", key: credential).status == nil)
        await caller.close()
        await server.kill()
        // What a killed server leaves behind does not stop the next one.
        try await server.start(environment: features)
        #expect(await server.stop() == 0)
        #expect(!server.logText.contains(credential))
        server.discard()
    }

    @Test func doctorTellsWhatIsMissing() async throws {
        try await withFolder { data in
            let well = try await ragdzd(["doctor", "--data", data])
            #expect(well.output.contains("ok    data folder"), "\(well.output)")
            let ill = try await ragdzd(["doctor", "--data", data], ["PATH": "/nowhere"])
            #expect(ill.status != 0)
            #expect(ill.output.contains("install poppler-utils"), "\(ill.output)")
        }
    }

    static func mode(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }
}
