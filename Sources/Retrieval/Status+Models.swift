internal import Models
internal import RPC

extension Status {
    /// What a caller may know of a failure of the embedding server. The address and the details stay in the log.
    init(embedding error: ModelError) {
        switch error.code {
        case .cancelled: self = .cancelled()
        case .busy:
            self = .resourceExhausted(
                "Too many texts wait for the embedding server; try again in a moment.", reason: "EMBEDDINGS_BUSY",
                retryAfter: .seconds(2))
        case .timeout:
            self = .unavailable(
                "The embedding server is too slow; try again in a moment.", reason: "EMBEDDINGS_TIMEOUT",
                retryAfter: .seconds(2))
        case .unavailable:
            self = .unavailable(
                "The embedding server is away; try again in a moment.", reason: "EMBEDDINGS_UNAVAILABLE",
                retryAfter: .seconds(2))
        case .wrongDimension:
            self = .failedPrecondition(
                "The embedding server's vectors have another dimension than configured; the operator must correct it.",
                reason: "EMBEDDINGS_WRONG_DIMENSION")
        default:
            self = .unavailable(
                "The embedding server gave an answer that cannot be used; the operator must look at it.",
                reason: "EMBEDDINGS_INVALID")
        }
    }

    /// The same for the model that writes answers.
    init(chat error: ModelError) {
        switch error.code {
        case .cancelled: self = .cancelled()
        case .timeout:
            self = .unavailable(
                "The model is too slow; try again, or ask with extractive set.", reason: "MODEL_TIMEOUT",
                retryAfter: .seconds(2))
        default:
            self = .unavailable(
                "The model gave no usable answer; try again, or ask with extractive set.", reason: "MODEL_UNAVAILABLE",
                retryAfter: .seconds(2))
        }
    }
}
