/// What a definition, a run and a page may hold at most. Each number is a promise of the public contract.
enum Limits {
    /// Steps of one definition.
    static let steps = 200
    /// Characters of a definition's name and of a step's id.
    static let nameLength = 63
    /// Characters of a definition's description and of the prompt of an approval.
    static let textLength = 2_000
    /// Characters of the comment of a decision, of the reason of a cancellation and of a kept error.
    static let commentLength = 2_000
    /// Characters of an action's name.
    static let actionLength = 100
    /// Characters of a request id.
    static let requestIDLength = 100
    /// Bytes of a whole definition as JSON.
    static let definitionBytes = 256 << 10
    /// Bytes of a run's input as JSON.
    static let inputBytes = 64 << 10
    /// Bytes of one step's output as JSON.
    static let outputBytes = 256 << 10
    /// Bytes of all outputs of one run as JSON: a run with its steps fits into one message.
    static let runOutputBytes = 2 << 20
    /// Bytes of the parameters of a step once its references are replaced.
    static let parameterBytes = 1 << 20
    /// Nesting of objects and lists in parameters, inputs and outputs. Each level takes three on the wire.
    static let depth = 24
    /// Attempts of one step that a retry policy may ask for.
    static let attempts = 20
    /// How often a step may lose its worker (a crash, a cut connection) before it fails: a step that takes every
    /// process down with it must not do so for ever.
    static let losses = 10
    /// Losses after which the next attempt waits: a process that dies of a step gets some work done in between.
    static let promptLosses = 2
    /// One attempt: 60 s unless the step says otherwise, at most one hour.
    static let defaultTimeoutMicros: Int64 = 60_000_000
    static let timeoutMicros: Int64 = 3_600_000_000
    /// A timer: at most 30 days.
    static let delayMicros: Int64 = 30 * 86_400_000_000
    /// Between two attempts: at most one day.
    static let backoffMicros: Int64 = 86_400_000_000
    /// Events that WatchRun reads from the database at once.
    static let eventBatch = 100
}
