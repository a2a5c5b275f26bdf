import Glibc

/// Figures of several servers of one database: how fast a revocation reaches them, whether a rotation fails a call, and
/// whether they keep a limit together. `scripts/revocation.sh` starts the servers.
///
/// Usage: keys-fleet revocation|limits OPERATOR_CREDENTIAL NUMBER ADDRESS...
/// NUMBER: of keys to revoke, or of seconds.
let arguments = CommandLine.arguments
guard arguments.count >= 5, let number = Int(arguments[3]) else {
    print("usage: keys-fleet revocation|limits OPERATOR_CREDENTIAL NUMBER ADDRESS...")
    exit(2)
}
do {
    let fleet = try Fleet(Array(arguments[4...]), operatorKey: arguments[2])
    let isGood =
        arguments[1] == "limits"
        ? try await LimitWindows(fleet: fleet, seconds: number, perMinute: 30_000, burst: 2_000).run()
        : try await Revocation(fleet: fleet, keys: number, load: 4).run()
    await fleet.close()
    exit(isGood ? 0 : 1)
} catch {
    print("failed: \(error)")
    exit(1)
}
