internal import Language

/// The text of a PDF, as poppler's pdftotext gives it.
enum PDFText {
    /// A form feed ends each page, also the last one.
    static func paged(_ scalars: [Unicode.Scalar]) throws(ExtractionError) -> ExtractedText {
        var text: [Unicode.Scalar] = []
        text.reserveCapacity(scalars.count)
        var starts = [0]
        for scalar in scalars {
            if scalar == "\u{0C}" {
                // The break between pages is white space, so that words do not run together.
                text.append("\n")
                starts.append(text.count)
            } else {
                text.append(scalar)
            }
        }
        if starts.count > 1, starts.last == text.count { starts.removeLast() }
        guard starts.count <= RetrievalLimits.documentPages else { throw ExtractionError(.tooManyPages) }
        let whole = ScalarText(scalars: text)
        return ExtractedText(
            mediaType: .pdf, text: whole, pageStarts: starts, pageCount: starts.count,
            headings: PlainText.plainHeadings(whole), title: nil)
    }
}
