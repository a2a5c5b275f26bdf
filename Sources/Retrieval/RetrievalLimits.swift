/// What one tenant may ask of this room, and what one document may cost.
public enum RetrievalLimits {
    /// Bytes of an upload in all: 32 MiB.
    public static let uploadBytes = 32 * 1_048_576
    /// Bytes of one message of an upload: 1 MiB.
    public static let uploadMessageBytes = 1_048_576
    /// Unicode scalars of a document's text: 20 million.
    public static let documentCharacters = 20_000_000
    /// Pages of a document.
    public static let documentPages = 20_000
    /// Chunks of a document.
    public static let documentChunks = 40_000
    /// Characters of a collection's name: 1 to 100.
    public static let collectionName = 100
    /// Characters of a file name: 1 to 255.
    public static let filename = 255
    /// Characters of a title; a longer one is cut.
    public static let title = 300
    /// Characters of a query or a question: 1 to 4,000.
    public static let query = 4_000
    /// Characters of a request id, with which a call may be made again: 1 to 100.
    public static let requestID = 100
    /// Collections named in one request.
    public static let collectionsPerRequest = 32
    /// Languages named in one request.
    public static let languagesPerRequest = 8
    /// Hits of a search: 1 to 100, 10 unless the request says otherwise.
    public static let searchHits = 100
    public static let defaultSearchHits = 10
    /// Passages read for an answer: 1 to 20, 8 unless the request says otherwise.
    public static let passages = 20
    public static let defaultPassages = 8
    /// Distinct terms of a query that the lexical leg looks up.
    public static let queryTerms = 48
    /// Groups that a document or a collection is limited to.
    public static let groups = 16
    /// Tags of a document, and characters of one.
    public static let tags = 32
    public static let tag = 64
    /// Characters of a theme or a source.
    public static let attribute = 100
    /// Chunks that one statement stores.
    public static let chunksPerStatement = 256
}
