/// The word lists of `Lexicon/`, printed into the binary by `make generate`.
enum LexiconData {
    /// The lines of a list, each cut at its tabs.
    static func rows(_ data: StaticString) -> [[Substring]] {
        data.description.split(separator: "\n").map { $0.split(separator: "\t") }
    }
}
