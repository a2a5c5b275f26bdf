import Bytes
import Glibc
import Logging
import LoopExecutor
import NIOCore
import NIOPosix
import Postgres

/// Tenant-scoped indexed reads as fast as the driver can, every call one unit of work: identity and statement in one
/// round trip. `scripts/bench-postgres.sh` makes the database, runs pgbench beside it and prints both.
@main struct PostgresBench {
    struct Outcome: Sendable {
        var calls = 0
        var latencies: [Int64] = []
    }

    /// The tenant that the script fills.
    static let tenant = UUID128(hi: 1, lo: 1)
    static let read = Statement(
        name: "read", sql: "select text from ragdz.bench where tenant_id = ragdz.current_tenant() and id = $1::int")

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("usage: postgres-bench URL [CALLS-IN-FLIGHT] [SECONDS] [CONNECTIONS] [THREADS] [DEPTH]")
            exit(2)
        }
        func argument(_ index: Int, _ otherwise: Int) -> Int {
            arguments.count > index ? Int(arguments[index]) ?? otherwise : otherwise
        }
        let threads = argument(5, 2)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var limits = PoolLimits.defaults
        limits.maximum = max(1, argument(4, 8) / threads)
        limits.pipelineDepth = argument(6, 64)
        let database = Database(
            configuration: .init(url: arguments[1], pool: limits), group: group, logger: Logger(label: "bench"))
        _ = try await measure(database, group, inFlight: argument(2, 256), seconds: 1)
        print(try await measure(database, group, inFlight: argument(2, 256), seconds: argument(3, 10)))
        await database.close()
    }

    static func measure(
        _ database: Database, _ group: MultiThreadedEventLoopGroup, inFlight: Int, seconds: Int
    ) async throws -> String {
        let began = NIODeadline.now()
        let end = began + .seconds(Int64(seconds))
        let cpu = clock()
        let executors = group.makeIterator().map { LoopExecutor.on($0) }
        let total = try await withThrowingTaskGroup(of: Outcome.self) { tasks in
            for index in 0..<inFlight {
                tasks.addTask(executorPreference: executors[index % executors.count]) {
                    try await run(database, until: end)
                }
            }
            return try await tasks.reduce(into: Outcome()) { sum, part in
                sum.calls += part.calls
                sum.latencies += part.latencies
            }
        }
        let wall = Double((NIODeadline.now() - began).nanoseconds) / 1e9
        let used = Double(clock() - cpu) / Double(CLOCKS_PER_SEC)
        let sorted = total.latencies.sorted()
        func percentile(_ part: Double) -> Double {
            sorted.isEmpty ? 0 : (Double(sorted[Int(Double(sorted.count - 1) * part)]) / 1e4).rounded() / 100
        }
        let perCall = (used / Double(max(1, total.calls)) * 1e7).rounded() / 10
        return "reads/s \(Int(Double(total.calls) / wall))  client CPU \(perCall) µs/read  "
            + "p50 \(percentile(0.5)) ms  p99 \(percentile(0.99)) ms"
    }

    static func run(_ database: Database, until end: NIODeadline) async throws -> Outcome {
        var outcome = Outcome()
        while NIODeadline.now() < end {
            let began = NIODeadline.now()
            let rows = try await database.query(read, [Int.random(in: 1...100_000)], as: .tenant(tenant))
            guard rows.count == 1 else { throw PostgresError(.misuse, "the row is not there") }
            outcome.calls += 1
            if outcome.calls % 16 == 0 { outcome.latencies.append((NIODeadline.now() - began).nanoseconds) }
        }
        return outcome
    }
}
