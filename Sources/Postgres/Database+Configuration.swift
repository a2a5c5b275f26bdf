extension Database {
    /// Where the database is and how much of it one process may take.
    public struct Configuration: Sendable {
        /// A libpq connection string: `postgresql://user@host/name?…` or `host=/run/x user=ragdz_app dbname=ragdz`.
        public var url: String
        /// Connections per event loop and the queue before them.
        public var pool: PoolLimits
        /// The server ends a statement of ours after this many milliseconds; 0 means never.
        public var statementTimeoutMilliseconds: Int
        /// The server ends a transaction that does nothing for this many milliseconds; 0 means never.
        public var idleTransactionTimeoutMilliseconds: Int
        /// How the connection shows up in `pg_stat_activity`.
        public var applicationName: String
        /// How the server plans prepared statements.
        public var plans: Plans

        /// 60 s per statement, 60 s of idleness in a transaction, pool limits as `PoolLimits.defaults`, one plan for all
        /// values.
        public init(
            url: String, pool: PoolLimits = .defaults, statementTimeoutMilliseconds: Int = 60_000,
            idleTransactionTimeoutMilliseconds: Int = 60_000, applicationName: String = "ragdz",
            plans: Plans = .oneForAllValues
        ) {
            self.url = url
            self.pool = pool
            self.statementTimeoutMilliseconds = statementTimeoutMilliseconds
            self.idleTransactionTimeoutMilliseconds = idleTransactionTimeoutMilliseconds
            self.applicationName = applicationName
            self.plans = plans
        }
    }

    /// How the server plans a prepared statement: its setting `plan_cache_mode`.
    public enum Plans: String, Sendable, Hashable {
        /// One plan, made at the first use on a connection, for whatever values come: statements are few, fixed and go by an
        /// index whatever the values are, and planning costs more than running most of them.
        case oneForAllValues = "force_generic_plan"
        /// The server estimates at each use whether a plan for the very values is worth its price.
        case chosenByServer = "auto"
    }
}

/// The limits of one event loop's pool.
public struct PoolLimits: Sendable, Hashable {
    /// Connections that stay open when nothing is to do.
    public var minimum: Int
    /// Up to this many connections are opened as soon as the open ones have something to do; further ones only for
    /// callers that would have to wait.
    public var soft: Int
    /// Connections at most.
    public var maximum: Int
    /// Units of work that may be on their way on one shared connection at a time.
    public var pipelineDepth: Int
    /// The same while calls of several tenants come: who is sent behind others waits for all of them, and takes no turns any
    /// more.
    public var sharedDepth: Int
    /// Callers that may wait for a connection. When one more comes, the tenant that has most waiting loses its newest.
    public var waiters: Int
    /// How long a caller waits for a connection, in milliseconds.
    public var waitMilliseconds: Int
    /// A connection above `minimum` that did nothing for this many milliseconds is closed.
    public var idleMilliseconds: Int
    /// A connection older than this many milliseconds is replaced when what runs on it is done.
    public var lifetimeMilliseconds: Int
    /// An attempt to connect is given up after this many milliseconds.
    public var connectMilliseconds: Int

    /// `soft` is `maximum` unless given, `sharedDepth` a quarter of `pipelineDepth`, `lifetimeMilliseconds` 30 minutes.
    public init(
        minimum: Int, soft: Int? = nil, maximum: Int, pipelineDepth: Int, sharedDepth: Int? = nil, waiters: Int,
        waitMilliseconds: Int, idleMilliseconds: Int, lifetimeMilliseconds: Int = 1_800_000, connectMilliseconds: Int
    ) {
        self.minimum = minimum
        self.soft = soft ?? maximum
        self.lifetimeMilliseconds = lifetimeMilliseconds
        self.maximum = maximum
        self.pipelineDepth = pipelineDepth
        self.sharedDepth = sharedDepth ?? max(1, pipelineDepth / 4)
        self.waiters = waiters
        self.waitMilliseconds = waitMilliseconds
        self.idleMilliseconds = idleMilliseconds
        self.connectMilliseconds = connectMilliseconds
    }

    /// 1 to 8 connections per loop (6 unless callers wait), 16 units in flight on each (4 while several tenants call), 4,096 waiters, 5 s of waiting,
    /// 60 s of idleness, 30 minutes of life, 5 s to connect.
    public static var defaults: PoolLimits {
        PoolLimits(
            minimum: 1, soft: 6, maximum: 8, pipelineDepth: 16, waiters: 4096, waitMilliseconds: 5000,
            idleMilliseconds: 60_000, connectMilliseconds: 5000)
    }
}
