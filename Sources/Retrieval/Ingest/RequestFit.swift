/// How many texts one request to the embedding server may have so that its answer comes in time.
///
/// A server that needs half a second for a text never answers a request of 64 within 30 seconds, however often it is asked, although
/// it would serve every text. So a request that took too long halves what the next ones ask for, and after a thousand that were
/// answered they ask for twice as much again: seldom, since each trial that fails costs its ingest an attempt.
struct RequestFit: Sendable, Hashable {
    /// Answers in a row after which more is tried.
    static let trust = 1_000

    private let most: Int
    private(set) var size: Int
    private var answers = 0

    /// `most`: what a request has as long as the server is quick enough.
    init(most: Int) {
        self.most = max(1, most)
        size = self.most
    }

    mutating func tookTooLong(_ count: Int) {
        size = max(1, min(size, count / 2))
        answers = 0
    }

    mutating func answered() {
        guard size < most else { return }
        answers += 1
        guard answers >= Self.trust else { return }
        size = min(most, 2 * size)
        answers = 0
    }
}
