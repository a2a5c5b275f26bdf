import Foundation
import Postgres
import ProtoRuntime
import RPC
import Testing

/// Tenants that try everything to see or touch each other's data. `RAGDZ_ISOLATION_CALLS` says how many calls; `make
/// isolation` makes 200,000, the short form some hundred of each kind.
@Suite(.serialized) struct IsolationFuzzTests {
    static let calls = ProcessInfo.processInfo.environment["RAGDZ_ISOLATION_CALLS"].flatMap { Int($0) } ?? 1500
    static var isFull: Bool { calls >= 50_000 }

    @Test func theFuzzKnowsEveryMethodThatTheServerReflects() {
        let shapes = MessageShapes()
        #expect(Set(shapes.methods) == Set(contractMethods.map(\.path)))
        for method in contractMethods {
            #expect(shapes.messages[method.requestType.protoMessageName] != nil, "\(method.path)")
        }
    }

    @Test func aSecretThatIsThereIsFound() {
        let needles = Needles(["canary12345", "short"])
        #expect(needles.found(in: Array("xxcanary12345yy".utf8), butNotIn: []) == "canary12345")
        #expect(needles.found(in: Array("xxcanary12345yy".utf8), butNotIn: [Array("canary12345".utf8)]) == nil)
        #expect(needles.found(in: Array("xxcanary1234".utf8), butNotIn: []) == nil)
    }

    @Test func nothingOfATenantShowsToAnother() async throws {
        try await RunningServer.with { server in
            let platform = try server.operatorCredential()
            var callers: [ServerCaller] = []
            for _ in 0..<4 { callers.append(try ServerCaller(server)) }
            var tenants: [IsolationTenant] = []
            for slug in ["atlas", "chott", "jura", "leman"] {
                tenants.append(try await IsolationTenant.make(slug, callers[0], platform))
            }
            let fuzz = IsolationFuzz(
                server, callers, platform, attackers: Array(tenants[..<2]), bystanders: Array(tenants[2...]))
            let before = try await fuzz.fingerprints()
            #expect(before.count > 20)
            try await attack(fuzz)
            try await settle(fuzz)
            let ratios = try await comparePairs(fuzz)
            let after = try await fuzz.fingerprints()
            for (table, print) in before { #expect(after[table] == print, "\(table) changed") }
            #expect(try await fuzz.strayRows() == [])
            checkLogs(fuzz)
            let counts = fuzz.tally.now
            print(fuzz.tally.report)
            if Self.isFull {
                print("foreign slower than absent, share of pairs; median time foreign / absent:")
                for line in ratios { print("  \(line)") }
            }
            #expect(counts.leaks == [])
            #expect(counts.wrongOutcomes == [])
            #expect(counts.calls >= Self.calls)
            #expect(counts.byMethod.count == contractMethods.count, "every method was called")
            #expect(counts.ownCanaries > counts.calls / 100, "the calls reach data")
            // About a twentieth succeed; far fewer would mean that the calls are refused for another reason.
            #expect((counts.byCode["OK"] ?? 0) > counts.calls / 50)
            #expect(counts.crashes > 0 && counts.terminations > 0, "the database was disturbed")
            for caller in callers { await caller.close() }
            await fuzz.owner.close()
        }
    }

    /// Nine tenths of the calls, in rounds; between two rounds something breaks while calls are on their way.
    private func attack(_ fuzz: IsolationFuzz) async throws {
        let rounds = Self.isFull ? 20 : 4
        for round in 0..<rounds {
            async let calls: Void = fuzz.attack(Self.calls * 9 / 10 / rounds, width: 16)
            try await Task.sleep(for: .milliseconds(200))
            await fuzz.endConnection()
            if round % 3 == 1 { await fuzz.crashDatabase() }
            await calls
            if round == rounds / 2 { try await settle(fuzz) }
        }
    }

    /// Waits until the server answers again.
    private func settle(_ fuzz: IsolationFuzz) async throws {
        for _ in 0..<600 {
            let outcome = await fuzz.callers[0].call(
                Self.getOwn, #"{"id":"me"}"#, key: fuzz.attackers[0].key)
            if outcome.status == nil, (try? await fuzz.fingerprints()) != nil { return }
            try await Task.sleep(for: .milliseconds(100))
        }
        Issue.record("the server did not come back")
    }

    private static let getOwn = contractMethods.first { $0.name == "GetTenant" } ?? contractMethods[0]

    /// The rest of the calls, two by two: one with a foreign id, one with nobody's. They must look alike, and neither
    /// takes longer: in pairs made at the same moment, the foreign one is the slower one about every second time.
    private func comparePairs(_ fuzz: IsolationFuzz) async throws -> [String] {
        let alike = IsolationTests.probes.compactMap { path, probe -> (MethodDescriptor, String)? in
            guard case .alike(let json) = probe, let method = contractMethods.first(where: { $0.path == path }) else {
                return nil
            }
            return (method, json)
        }
        let rounds = max(4, (Self.calls - fuzz.tally.now.calls + alike.count * 2 - 1) / (alike.count * 2))
        let thief = fuzz.attackers[0]
        var lines: [String] = []
        for (method, json) in alike.sorted(by: { $0.0.path < $1.0.path }) {
            var slower = 0
            var times = (foreign: [Duration](), absent: [Duration]())
            for _ in 0..<rounds {
                let victim = IsolationTests.Tenant(fuzz.bystanders.randomElement() ?? fuzz.bystanders[0])
                let nobody = IsolationTests.Tenant.absent
                let foreignFirst = Bool.random()
                let first = await timed(fuzz, method, json, foreignFirst ? victim : nobody, thief)
                let second = await timed(fuzz, method, json, foreignFirst ? nobody : victim, thief)
                let (foreign, absent) = foreignFirst ? (first, second) : (second, first)
                if foreign.time > absent.time { slower += 1 }
                times.foreign.append(foreign.time)
                times.absent.append(absent.time)
                let looks = (
                    IsolationTests.blurred(foreign.outcome, victim), IsolationTests.blurred(absent.outcome, nobody)
                )
                #expect(looks.0 == looks.1, "\(method.path) tells a foreign id from none")
            }
            let ratio = Self.median(times.foreign) / Self.median(times.absent)
            let rounded = (ratio * 1000).rounded() / 1000
            lines.append("\(method.name): \(slower * 100 / rounds) % of \(rounds) pairs, medians \(rounded)")
            // With some hundred pairs, a share beyond these has another cause than chance.
            if rounds >= 300 {
                #expect((0.3...0.7).contains(Double(slower) / Double(rounds)), "\(method.path) takes another time")
            }
        }
        return lines
    }

    private static func median(_ times: [Duration]) -> Duration { times.sorted()[times.count / 2] }

    private func timed(
        _ fuzz: IsolationFuzz, _ method: MethodDescriptor, _ json: String, _ asked: IsolationTests.Tenant,
        _ thief: IsolationTenant
    ) async -> (outcome: ServerCaller.Outcome, time: Duration) {
        let clock = ContinuousClock()
        let start = clock.now
        let outcome = await fuzz.callers[0].call(method, IsolationTests.fill(json, asked), key: thief.key)
        let time = clock.now - start
        let others = fuzz.attackers.dropFirst() + fuzz.bystanders
        let leak = Needles(others.flatMap(\.secrets)).found(
            in: Array(outcome.visible.utf8) + outcome.bytes,
            butNotIn: [Array(IsolationTests.fill(json, asked).utf8)])
        fuzz.tally.note(
            method, outcome, sawOwn: false, leak: leak.map { "\(method.path) shows \($0)" },
            wrong: outcome.status == nil ? "\(method.path) succeeds with an id that is not the caller's" : nil)
        return (outcome, time)
    }

    /// Logs hold no tenant's text and nobody's credential: not the server's, and not the database's.
    private func checkLogs(_ fuzz: IsolationFuzz) {
        let database =
            (try? String(contentsOfFile: fuzz.server.data + "/postgres/server.log", encoding: .utf8)) ?? ""
        #expect(!database.isEmpty)
        for (name, text) in [("server's", fuzz.server.logText), ("database's", database)] {
            let bytes = Array(text.utf8)
            for tenant in fuzz.attackers + fuzz.bystanders {
                let secrets = Needles([
                    tenant.canary, tenant.key, tenant.readerKey, tenant.revokedKey, tenant.person,
                ])
                #expect(secrets.found(in: bytes, butNotIn: []) == nil, "in the \(name) log")
            }
            #expect(Needles([fuzz.platform]).found(in: bytes, butNotIn: []) == nil, "in the \(name) log")
        }
    }
}

extension IsolationTests.Tenant {
    init(_ tenant: IsolationTenant) {
        self.init(
            canary: tenant.canary, id: tenant.ids["tenant"] ?? "", key: tenant.key, keyID: tenant.ids["key"] ?? "",
            collection: tenant.ids["collection"] ?? "", document: tenant.ids["document"] ?? "",
            ingest: tenant.ids["ingest"] ?? "",
            run: tenant.ids["run"] ?? "", member: tenant.ids["member"] ?? "",
            invitation: tenant.ids["invitation"] ?? "", session: tenant.ids["session"] ?? "",
            questions: tenant.ids["questions"] ?? "", measure: tenant.ids["measure"] ?? "",
            conversation: tenant.ids["conversation"] ?? "")
    }
}
