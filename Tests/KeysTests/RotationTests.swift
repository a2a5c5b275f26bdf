import Bytes
import ProtoRuntime
import RPC
import Schema
import Support
import Testing

@testable import Keys

/// Rotation: asked twice, ended early, due by a date, and under a pepper that changes.
@Suite(.timeLimit(.minutes(2))) struct RotationTests {
    @Test func theSameRequestGivesTheSameSecret() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let made = try await world.makeKey(tenant)
        let first = try await world.rotate(made.key.id, graceSeconds: 60, key: admin.secret, requestID: "r1")
        let again = try await world.rotate(made.key.id, graceSeconds: 60, key: admin.secret, requestID: "r1")
        #expect(again.secret == first.secret && first.secret != made.secret)
        #expect(try await world.get(made.key.id, key: first.secret).liveSecrets == 2)
        _ = try await world.get(made.key.id, key: made.secret)
        // Nobody else gets the answer, and another name is another rotation.
        let other = try await world.makeKey(tenant)
        let foreign = try await world.rotate(made.key.id, graceSeconds: 60, key: other.secret, requestID: "r1")
        #expect(foreign.secret != first.secret)
        let second = try await world.rotate(made.key.id, graceSeconds: 60, key: admin.secret, requestID: "r2")
        #expect(![first.secret, foreign.secret].contains(second.secret))
        // A name that is used again later does not bring an old secret back.
        let third = try await world.rotate(made.key.id, graceSeconds: 60, key: admin.secret, requestID: "r1")
        #expect(third.secret != first.secret)
        #expect(await status { try await world.get(made.key.id, key: first.secret) }?.reason == "KEY_UNKNOWN")
        let rotations = try await world.database.ownerRows(
            "select action from ragdz.audit_log where target = '\(made.key.id)' and action = 'key.rotate'")
        #expect(rotations.count == 4, "what was only repeated is not in the log")
    }

    @Test func racersWithOneNameGetOneSecret() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        let made = try await world.makeKey(tenant)
        let secrets = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await world.rotate(made.key.id, graceSeconds: 60, key: admin.secret, requestID: "one").secret
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(secrets.count == 1)
        _ = try await world.get(made.key.id, key: made.secret)
    }

    @Test(arguments: ["two words", "é", String(repeating: "x", count: 101)])
    func aNameIsShortAndVisible(_ name: String) async throws {
        let world = try await KeysWorld()
        let made = try await world.makeKey(try await world.makeTenant())
        let refused = await status {
            try await world.rotate(made.key.id, graceSeconds: 0, key: made.secret, requestID: name)
        }
        #expect(refused?.reason == "INVALID_REQUEST_ID")
    }

    @Test func aGraceCanBeEndedEarly() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let made = try await world.makeKey(tenant)
        func endGrace(_ id: String, key: String) async throws -> Ragdz_V1_Key {
            var request = Ragdz_V1_EndGraceRequest()
            request.id = id
            return try await world.call(Ragdz_V1_Keys.Methods.endGrace, request, key: key)
        }
        let second = try await world.rotate(made.key.id, graceSeconds: 3_600, key: made.secret)
        _ = try await world.get(made.key.id, key: made.secret)
        let ended = try await endGrace(made.key.id, key: second.secret)
        #expect(ended.liveSecrets == 1 && ended.graceEndTime == nil)
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_EXPIRED")
        _ = try await world.get(made.key.id, key: second.secret)
        // Asked again it does nothing, and says so in the log once.
        #expect(try await endGrace(made.key.id, key: second.secret).liveSecrets == 1)
        let entries = try await world.database.ownerRows(
            "select action from ragdz.audit_log where target = '\(made.key.id)' and action = 'key.end_grace'")
        #expect(entries.count == 1)
        let stranger = try await world.makeKey(try await world.makeTenant())
        #expect(await status { try await endGrace(made.key.id, key: stranger.secret) }?.reason == "KEY_NOT_FOUND")
    }

    @Test func aKeyIsDueByItsPeriod() async throws {
        let world = try await KeysWorld()
        let tenant = try await world.makeTenant()
        let admin = try await world.makeKey(tenant)
        var request = Ragdz_V1_CreateKeyRequest()
        request.name = "scheduled"
        request.scopes = ["*"]
        request.rotationPeriod = .init(seconds: 7_200, nanos: 0)
        let made = try MadeKey(try await world.call(Ragdz_V1_Keys.Methods.createKey, request, key: admin.secret))
        let created = try #require(made.key.createTime?.unixMicros)
        #expect(made.key.rotationDueTime?.unixMicros == created + 7_200_000_000)
        #expect(made.key.rotationPeriod?.seconds == 7_200 && made.key.graceEndTime == nil && made.key.liveSecrets == 1)
        // Nobody rotates it: the secret ends, and the key can be brought back by a rotation.
        try await world.database.asOwner(
            "update ragdz.key_secrets set expire_time = now() - interval '1 second' where key_id = '\(made.key.id)'")
        #expect(await status { try await world.get(made.key.id, key: made.secret) }?.reason == "KEY_EXPIRED")
        #expect(try await world.get(made.key.id, key: admin.secret).status == .expired)
        let rotated = try await world.rotate(made.key.id, graceSeconds: 3_600, key: admin.secret)
        #expect(rotated.key.status == .active)
        #expect(rotated.key.liveSecrets == 1, "a grace does not bring back what had ended")
        let due = try #require(rotated.key.rotationDueTime?.unixMicros)
        #expect(due > created + 7_200_000_000)
        _ = try await world.get(made.key.id, key: rotated.secret)
        // Without the schedule the secret lives as long as its key.
        var change = Ragdz_V1_UpdateKeyRequest()
        change.key = Ragdz_V1_Key()
        change.key?.id = made.key.id
        change.updateMask = .init(paths: ["rotation_period"])
        let unscheduled: Ragdz_V1_Key = try await world.call(
            Ragdz_V1_Keys.Methods.updateKey, change, key: admin.secret)
        #expect(unscheduled.rotationPeriod == nil && unscheduled.rotationDueTime == nil)
        let ends = try await world.database.ownerRows(
            """
            select coalesce(expire_time::text, 'never') from ragdz.key_secrets
            where key_id = '\(made.key.id)' order by generation desc limit 1
            """)
        #expect(ends == ["never"])
        for seconds in [3_599, 366 * 86_400 + 1, -1] as [Int64] {
            change.key?.rotationPeriod = .init(seconds: seconds, nanos: 0)
            #expect(
                await status {
                    try await world.callRaw(Ragdz_V1_Keys.Methods.updateKey, change, key: admin.secret)
                }?.reason == "INVALID_ROTATION_PERIOD")
        }
    }

    /// Two servers of one database go over to another pepper, one after the other, and no key fails on the way.
    @Test func aPepperIsReplacedWithoutDowntime() async throws {
        let first = try await KeysWorld()
        let made = try await first.makeKey(try await first.makeTenant())
        func works(_ world: KeysWorld, _ key: MadeKey) async -> Bool {
            await status { try await world.get(key.key.id, key: key.secret) } == nil
        }
        // Every server learns the new version before any of them uses it.
        let standby = try await KeysWorld(
            on: first.database, pepper: PepperTests.one + "," + PepperTests.two + ":standby")
        let early = try await standby.makeKey(try await standby.makeTenant())
        let madeOnStandby = await works(first, early)
        #expect(madeOnStandby, "a server on standby makes what the old ones can check")
        let changed = try await KeysWorld(on: first.database, pepper: PepperTests.one + "," + PepperTests.two)
        let late = try await changed.makeKey(try await changed.makeTenant())
        for (world, key) in [(standby, late), (changed, late), (changed, made)] {
            let works = await works(world, key)
            #expect(works)
        }
        let oldOne = await works(first, late)
        #expect(!oldOne, "which is why all must know it first")

        // Used once, a key is hashed anew.
        func versions() async throws -> [String] {
            try await first.database.ownerRows(
                "select pepper_version::text from ragdz.key_secrets where key_id = '\(made.key.id)'")
        }
        #expect(try await versions() == ["1"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await changed.authenticator.run() }
            var now = try await versions()
            while now != ["2"] {
                let stillWork = (await works(changed, made), await works(standby, made))
                #expect(stillWork == (true, true))
                try await Task.sleep(for: .milliseconds(100))
                now = try await versions()
            }
            group.cancelAll()
        }
        let without = try await KeysWorld(on: first.database, pepper: PepperTests.two)
        let after = (used: await works(without, made), unused: await works(without, early))
        #expect(after.used && !after.unused)
    }
}
