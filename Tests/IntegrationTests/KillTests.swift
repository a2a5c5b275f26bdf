import Foundation
import Testing

/// The short form of scripts/kill-test.sh: `ragdzd` is killed at random moments of `brief` runs.
@Suite(.serialized) struct KillTests {
    @Test func runsSurviveKills() async throws {
        let script = RunningServer.root.appendingPathComponent("scripts/kill-test.sh")
        let ended = try await Finished.run(
            script.path, ["4"], environment: ["RAGDZ_BIN": RunningServer.products.path])
        #expect(ended.status == 0, "\(ended.output.suffix(3_000)) \(ended.errors.suffix(3_000))")
        #expect(ended.output.contains("4 runs, each finished once; events gapless; one document each"))
    }
}
