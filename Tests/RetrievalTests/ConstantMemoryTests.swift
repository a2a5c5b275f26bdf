import Bytes
import Glibc
import Language
import Testing

@testable import Retrieval

/// A figure of this process in KiB: `VmHWM` is the most memory that it has had since the last call of `forgetPeak`.
private func memory(_ name: String) throws -> Int {
    let file = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
        let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
            whereSeparator: \.isWhitespace)
        if words.first == "\(name):", words.count > 1 { return try #require(Int(words[1])) }
    }
    return 0
}

private func forgetPeak() throws {
    let file = try #require(fopen("/proc/self/clear_refs", "w"))
    fputs("5", file)
    fclose(file)
}

/// Writes a document as pdftotext does, page by page.
private func spool(pages: Int) throws -> Spool {
    let spool = Spool()
    for page in 0..<pages {
        var text = "Chapter \(page)\n\n"
        for line in 0..<8 {
            text += "The tax of page \(page) and line \(line) is paid at the office of the town where one lives.\n"
        }
        try spool.append((text + "\u{0C}").utf8)
    }
    return spool
}

/// The most memory in KiB, more than before, while a document is normalised, cut, and made into rows.
private func peak(pages: Int) throws -> Int {
    let text = try spool(pages: pages)
    try forgetPeak()
    let before = try memory("VmHWM")
    let reader = TextReader(try PDFText(text))
    let planner = ChunkPlanner(title: "T", document: UUID128(hi: 1, lo: 2), isPaged: true)
    while let piece = try reader.next() { try planner.take(piece) }
    #expect(reader.summary?.pageCount == pages)
    let plan = try planner.finish()
    let chunks = PlannedChunks(plan)
    while try !chunks.next(64).map(plan.row).isEmpty {}
    return try memory("VmHWM") - before
}

@Suite struct ConstantMemoryTests {
    /// In a process of its own, where nothing else allocates. The whole text of 2,000 pages would be 1.4 MB in UTF-8 and 5.6 MB as
    /// scalars, several times over; a little is left to the allocator.
    @Test func memoryDoesNotGrowWithThePages() async {
        await #expect(processExitsWith: .success) {
            // Tables that are made once, and what the allocator keeps.
            _ = try peak(pages: 50)
            let peaks = try [50, 500, 2_000].map { try peak(pages: $0) }
            print("peaks of 50, 500 and 2,000 pages, in KiB: \(peaks)")
            #expect(peaks[2] < peaks[1] + 2_048)
        }
    }

    /// What waits for its piece, and what the chunker keeps between two pieces, is bounded by what a piece and a chunk are.
    @Test func littleIsKeptBetweenPieces() throws {
        var reader = try PDFText(try spool(pages: 2_000))
        var chunker = Chunker(isPaged: true)
        while let piece = try reader.next() {
            #expect(piece.scalars.count <= 4 * TextPiece.Limits.target)
            _ = chunker.take(piece)
        }
        #expect(chunker.mostKept <= 4 * Chunker.Limits.maximum)
    }
}
