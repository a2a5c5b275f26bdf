import Bytes
import Cryptography
import Postgres
import RPC
import Schema
import Support
import Testing

@testable import Members

/// Guesses: what they learn, what they cost, and whom they lock out.
@Suite struct LoginTests {
    static let tight = LoginLimits(
        network: .init(burst: 3, gapMicros: 3_600_000_000), account: .init(burst: 5, gapMicros: 3_600_000_000),
        address: .init(burst: 100_000, gapMicros: 1))

    @Test func nobodyAndTheWrongPasswordAreAlike() async throws {
        let passwords = try PasswordWorkers(cost: MembersWorld.cost)
        let world = try await MembersWorld(passwords: passwords)
        let tenant = try await world.makeTenant("atlas")
        _ = try await world.makeTenant("empty")
        _ = try await world.join("amina@a.dz", .owner, "atlas", tenant)
        var seen: Set<Status> = []
        for (slug, email, password) in [
            ("atlas", "amina@a.dz", "wrong password"), ("atlas", "nobody@a.dz", MembersWorld.password),
            ("empty", "amina@a.dz", MembersWorld.password), ("no-such", "amina@a.dz", MembersWorld.password),
            ("", "", ""), ("atlas", "no address", MembersWorld.password), ("atlas", "amina@a.dz", ""),
            ("ATLAS'; --", "\0", "\0"), ("atlas", "amina@a.dz", String(repeating: "x", count: 10_240)),
            ("atlas", String(repeating: "é", count: 10_240), "x"),
            (String(repeating: "a", count: 10_240), "a@b.dz", "x"),
        ] {
            let before = passwords.hashes
            do {
                _ = try await world.login(slug, email, password: password, peer: "198.51.100.\(seen.count):1")
                Issue.record("\(slug) \(email.prefix(20)) got in")
            } catch let status as Status { seen.insert(status) }
            #expect(passwords.hashes == before + 1, "\(slug) \(email.prefix(20)): the same work")
        }
        #expect(seen.count == 1 && seen.first?.reason == "LOGIN_REFUSED" && seen.first?.code == .unauthenticated)
        await world.test.close()
    }

    @Test func aStrangerLocksNobodyOutForEver() async throws {
        let world = try await MembersWorld(limits: Self.tight)
        let tenant = try await world.makeTenant("atlas")
        _ = try await world.join("amina@a.dz", .owner, "atlas", tenant)  // from 192.0.2.1
        func attempt(_ peer: String, _ password: String, email: String = "amina@a.dz") async -> String? {
            await reason { try await world.login("atlas", email, password: password, peer: peer) }
        }
        // One stranger has three guesses, many have five together.
        for _ in 0..<3 { #expect(await attempt("198.51.100.1:1", "guess guess") == "LOGIN_REFUSED") }
        #expect(await attempt("198.51.100.1:2", "guess guess") == "LOGIN_DELAYED")
        var refused = 0
        for number in 2..<40 where await attempt("198.51.100.\(number):1", "guess guess") == "LOGIN_REFUSED" {
            refused += 1
        }
        #expect(refused == 1, "the join's login was the first of the account's five")
        // Even the right password does not help a stranger now, so that the answer tells nothing.
        #expect(await attempt("203.0.113.7:1", MembersWorld.password) == "LOGIN_DELAYED")
        // The member gets in from where it has been before, as often as it likes.
        for _ in 0..<10 {
            #expect(await attempt("192.0.2.1:\(Int.random(in: 1...9999))", MembersWorld.password) == nil)
        }
        // Others of the tenant are not touched, and neither is an account of the same address elsewhere.
        #expect(await attempt("203.0.113.7:1", "guess guess", email: "other@a.dz") == "LOGIN_REFUSED")
        #expect(await reason { try await world.login("elsewhere", "amina@a.dz") } == "LOGIN_REFUSED")
        // What strangers used up comes back with time.
        try await world.test.asOwner("update ragdz.login_attempts set arrival_micros = arrival_micros - 3600000000 * 5")
        #expect(await attempt("203.0.113.7:1", MembersWorld.password) == nil)
        await world.test.close()
    }

    @Test func accountsThatDoNotExistAreDelayedLikeThoseThatDo() async throws {
        let world = try await MembersWorld(limits: Self.tight)
        let tenant = try await world.makeTenant("atlas")
        _ = try await world.accept(try await world.invite("amina@a.dz", .owner, to: tenant).token)
        func run(_ slug: String, _ email: String) async -> [String?] {
            var seen: [String?] = []
            for number in 0..<12 {
                seen.append(
                    await reason {
                        try await world.login(slug, email, password: "not this one", peer: "198.51.100.\(number / 4):1")
                    })
            }
            return seen
        }
        let real = await run("atlas", "amina@a.dz")
        #expect(real.prefix(4) == ["LOGIN_REFUSED", "LOGIN_REFUSED", "LOGIN_REFUSED", "LOGIN_DELAYED"])
        #expect(await run("atlas", "nobody@a.dz") == real)
        #expect(await run("no-such", "nobody@a.dz") == real)
        await world.test.close()
    }

    @Test func aClockThatJumpsBackLetsNobodyWaitForLong() async throws {
        let world = try await MembersWorld()
        func wait(_ at: Int64) async throws -> Int64 {
            try await Queries.beginLogin(
                world.test.database.as(.none), slug: "s", email: "e", network: "n", accountGap: 1000, accountBurst: 9,
                networkGap: 1000, networkBurst: 2, atMicros: at)?.waitMicros ?? -1
        }
        let now: Int64 = 1_800_000_000_000_000
        #expect(try await wait(now) == 0)
        #expect(try await wait(now) == 0)
        #expect(try await wait(now) == 1000)
        #expect(try await wait(now + 999) == 1)
        // A day back: what was remembered is worth no more than the burst, and what comes after is counted as ever.
        let back = now - 86_400_000_000
        #expect(try await wait(back) == 0)
        #expect(try await wait(back) == 1000)
        #expect(try await wait(back + 1000) == 0)
        await world.test.close()
    }

    @Test func aHashIsMadeAgainWhenTheCostRises() async throws {
        let world = try await MembersWorld()
        let tenant = try await world.makeTenant("atlas")
        _ = try await world.join("amina@a.dz", .owner, "atlas", tenant)
        func stored() async throws -> String {
            try await world.test.asOwner("select password from ragdz.members")[0].get("password", as: String.self)
        }
        let old = try await stored()
        _ = try await world.login("atlas", "amina@a.dz")
        #expect(try await stored() == old, "nothing to do")
        let stronger = MembersService(
            sessions: world.sessions,
            passwords: try PasswordWorkers(cost: Scrypt.Cost(cost: 8, blockSize: 1, parallelism: 1)),
            logger: MembersWorld.quiet)
        var request = Ragdz_V1_LoginRequest()
        request.tenant = "atlas"
        request.email = "amina@a.dz"
        let context = ServerContext(method: Ragdz_V1_Members.Methods.login, peer: "192.0.2.1:1")
        request.password = "wrong password"
        await #expect(throws: Status.self) { try await stronger.login(request, context: context) }
        #expect(try await stored() == old, "only who knows the password has it hashed")
        request.password = MembersWorld.password
        _ = try await stronger.login(request, context: context)
        #expect(try await stored().hasPrefix("$scrypt$ln=3,"))
        _ = try await world.login("atlas", "amina@a.dz")
        #expect(try await stored().hasPrefix("$scrypt$ln=3,"), "it never gets weaker")
        await world.test.close()
    }

    @Test func workersTakeAFewAtATimeAndTellTheRestToComeBack() async throws {
        let passwords = try PasswordWorkers(
            cost: Scrypt.Cost(cost: 1 << 12, blockSize: 8, parallelism: 1), limits: .init(concurrent: 1, waiting: 3))
        let outcomes = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<40 { group.addTask { await reason { try await passwords.hash([1]) } } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.contains(nil))
        #expect(outcomes.allSatisfy { $0 == nil || $0 == "LOGIN_BUSY" })
        // Who is cancelled while it waits leaves its place.
        for _ in 0..<50 {
            let task = Task { try await passwords.hash([1]) }
            let other = Task { try await passwords.hash([2]) }
            other.cancel()
            _ = await task.result
            _ = await other.result
        }
        #expect(await reason { try await passwords.hash([3]) } == nil, "all places are free again")
    }
}
