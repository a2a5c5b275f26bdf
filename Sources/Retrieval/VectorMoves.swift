internal import Logging
public import Postgres

/// Moves tenants that outgrew the exact scan to partitions of their own, in the background.
///
/// Where a tenant stands is in the database, and a step is one short transaction: any process goes on where another one stopped.
/// Until the last vector is there every search compares all of them, so nothing is ever missing.
struct VectorMoves: Sendable {
    enum Limits {
        /// Chunks of a tenant above which it moves: 10,000.
        static let threshold: Int64 = 10_000
        /// Vectors that one step moves.
        static let batch = 200
        /// Between two steps, so that others come in between.
        static let breath: Duration = .milliseconds(20)
        /// Between two looks when nothing is to be done, and after a failure.
        static let pause: Duration = .seconds(30)
    }

    let database: Database
    let logger: Logger
    var threshold = Limits.threshold

    /// Until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do {
                let moved = try await step(batch: Limits.batch)
                try await Task.sleep(for: moved ? Limits.breath : Limits.pause)
            } catch is CancellationError {
                return
            } catch {
                logger.warning("moving vectors is interrupted", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Limits.pause)
            }
        }
    }

    /// False when there was nothing to do.
    func step(batch: Int) async throws -> Bool {
        let step = try await Queries.moveVectors(database.as(.none), threshold: threshold, atMost: batch)
        guard let step else { return false }
        if step.ready, step.moved == 0 {
            logger.info(
                "a tenant's vectors have an index of their own",
                metadata: ["tenant": "\(step.tenantID)", "home": "\(step.home)"])
        }
        return true
    }
}

/// The empty partitions, each with its index, that tenants move to.
public enum VectorHomes {
    /// How many are kept in stock: 4.
    public static let stock = 4

    /// Sees to it that so many are there for vectors of the dimension, and returns how many were made. `owner` is a connection as
    /// a role that may migrate the database.
    @discardableResult
    public static func keep(_ owner: Database, homes: Int = stock, dimension: Int) async throws -> Int {
        try await Queries.stockVectorHomes(owner.as(.none), wanted: homes, dimension: dimension) ?? 0
    }
}
