internal import Models

/// How the queue of ingests behaves.
struct IngestConfiguration: Sendable {
    /// Ingests that one process works on at a time.
    var concurrent: Int
    /// How long an ingest belongs to a worker without renewal: how long a crash delays it at most.
    var lease: Duration
    var renewal: Duration
    /// How often a worker looks for ingests that nothing told it of.
    var poll: Duration
    /// After so much time an ingest lets others go first, when some may be waiting.
    var slice: Duration
    /// Passages that go to the embedding server in one request.
    var batch: Int
    /// How often vectors that no search looks at any more are looked for.
    var sweep: Duration = .seconds(30)
    /// The pause after the first failure; each further one doubles it, up to `longestPause`.
    var firstPause: Duration
    var longestPause: Duration

    /// 4 at a time; a lease of 6 s, renewed each 1.5 s; a look each 500 ms; slices of 15 s; 64 passages to a request;
    /// 1 s after the first failure, at most 60 s.
    static var defaults: IngestConfiguration {
        IngestConfiguration(
            concurrent: 4, lease: .seconds(6), renewal: .milliseconds(1_500), poll: .milliseconds(500),
            slice: .seconds(15), batch: EmbeddingClient.Limits.batch, firstPause: .seconds(1),
            longestPause: .seconds(60))
    }
}

enum IngestLimits {
    /// Between two messages of an upload; after that its bytes are forgotten.
    static let patience: Duration = .seconds(900)
    /// The same between two parts of an upload that may go on later: an hour, as long as room is set aside for it.
    static let partPatience: Duration = .seconds(3_600)
    /// How long an ingest that has ended is remembered, and one that failed can be tried again: a day.
    static let retention: Duration = .seconds(86_400)
    /// Attempts of an ingest in the background: with the pauses between them some five minutes.
    static let backgroundAttempts = 10
    /// Workers that may be lost over an ingest, one after the other and without a step forward, before it is given up: so a
    /// document that ends the server does not do it for ever.
    static let losses = 5
    /// Requests that one process has at the embedding server for ingests: one is worked on, one is ready behind it.
    static let embeddingRequests = 2
    /// Files that one process reads at a time, each in a child of up to 1 GiB or by a scanner in its own memory.
    static let filesRead = 2
    /// Batches of one ingest that are prepared or embedded at a time.
    static let batchesUnderway = 2
    /// Between two looks at an ingest that is waited for or watched.
    static let watchPoll: Duration = .milliseconds(500)
    /// Ingests that are forgotten with one statement, and how often that is done.
    static let forgottenAtOnce = 500
    static let forgetting: Duration = .seconds(60)
}

/// The number of `IngestStage` in the public contract.
enum IngestStage: Int, Sendable {
    case detect = 1, extract, normalise, chunk, embed, store
}

/// The number of `IngestState` in the public contract.
enum IngestState: Int, Sendable {
    case pending = 1, running, succeeded, failed, cancelled

    var isOver: Bool { rawValue >= IngestState.succeeded.rawValue }
}

extension Duration {
    /// Whole microseconds.
    var micros: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
