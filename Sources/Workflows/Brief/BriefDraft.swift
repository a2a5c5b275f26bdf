/// A brief as Markdown: the quotes in order, each with its number, then the sources that the numbers stand for.
struct BriefDraft: Sendable {
    var topic: String
    var quotes: [BriefQuote]
    /// Part of the text, so that the briefs of two runs are two documents even when they quote the same.
    var runID: String
    var words: BriefWords

    var title: String { "\(words.brief) \(topic.onOneLine)" }

    var markdown: String {
        var lines = ["# \(title)", ""]
        for (index, quote) in quotes.enumerated() {
            lines += ["> \(quote.quote.onOneLine) [\(index + 1)]", ""]
        }
        lines += ["## \(words.sources)", ""]
        for (index, quote) in quotes.enumerated() {
            let page = quote.page > 0 ? ", \(words.page) \(quote.page)" : ""
            lines.append(
                "\(index + 1). \(quote.title.onOneLine)\(page), \(words.characters) \(quote.start)–\(quote.end) "
                    + "(\(quote.documentID))")
        }
        lines += ["", "\(words.madeBy) \(runID)", ""]
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// Line ends become spaces: a quote stays one paragraph of Markdown.
    fileprivate var onOneLine: String {
        split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
