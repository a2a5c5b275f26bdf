import Bytes
import Keys
import NIOCore
import NIOPosix
import RPC

/// What knowing a caller costs: credential, scope and limits of a key that this thread has seen before, and a credential
/// that is none.
func keyCases() throws -> [BenchCase] {
    let pepper = try Pepper(parsing: Pepper.generateText())
    let key = try APIKey.generate(.live)
    let (version, hash) = pepper.hash(key)
    let record = KeyRecord(
        owner: .tenant(.v4(), status: "active", scopes: ["keys.read", "retrieval.*"]),
        secrets: [.init(pepperVersion: version, hash: hash)],
        limits: RateLimits(plan: "enterprise", perMinute: 1_000_000_000, perHour: 1_000_000_000, burst: 100_000_000))
    let authenticator = Authenticator(pepper: pepper, knowing: key, record)
    let limiter = RateLimiter.generous()
    let credential = key.revealed
    let policy = MethodPolicy(credential: .tenantKey, scope: "retrieval.read")
    // The first call, and one in some ten thousand later ones, fetches shares of the limits.
    func fetchShares() throws {
        try MultiThreadedEventLoopGroup.singleton.any().makeFutureWithTask {
            let identity = try await authenticator.authenticate(credential)
            guard case .tenantKey(let tenant, let keyID, _) = identity, let limits = record.limits else { return }
            try await limiter.admit(tenant: tenant, keyID: keyID, limits: limits)
        }.wait()
    }
    try fetchShares()
    let verify = BenchCase(name: "key-verify", operations: 2_000) { count in
        for _ in 0..<count {
            guard let caller = try authenticator.recall(credential[...], peer: ""), let limits = caller.limits,
                case .tenantKey(let tenant, let keyID, _) = caller.identity
            else { throw BenchFailure(text: "the key is not known") }
            try PolicyInterceptor.check(caller.identity, against: policy)
            if try limiter.take(tenant: tenant, keyID: keyID, limits: limits, tell: { _ in }) == nil { try fetchShares() }
        }
    }
    var mistyped = Array(credential.utf8)
    mistyped[40] = mistyped[40] == UInt8(ascii: "a") ? UInt8(ascii: "b") : UInt8(ascii: "a")
    let strangers = [
        String(decoding: mistyped, as: UTF8.self), "hunter2", String(repeating: "x", count: 10_240),
        String(credential.dropLast()),
    ]
    let refuse = BenchCase(name: "key-malformed", operations: 2_000) { count in
        for number in 0..<count {
            do throws(Status) {
                _ = try authenticator.recall(strangers[number % strangers.count][...], peer: "")
                throw .internalError("accepted")
            } catch {
                guard error.reason == "KEY_MALFORMED" else { throw BenchFailure(text: "\(error)") }
            }
        }
    }
    return [verify, refuse]
}
