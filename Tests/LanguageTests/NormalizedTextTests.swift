import Language
import Testing

/// A small generator of numbers that gives the same texts at each run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A text of scalars from the blocks that normalisation touches, and from elsewhere.
func randomText(_ generator: inout SplitMix, length: Int) -> ScalarText {
    let blocks: [ClosedRange<UInt32>] = [
        0x20...0x7E, 0xA0...0x24F, 0x300...0x36F, 0x600...0x6FF, 0x2000...0x206F, 0xFB00...0xFDFF, 0xFE70...0xFEFF,
        0xFF00...0xFF5E, 0x1F600...0x1F640, 0x4E00...0x4E80, 0x0A...0x0D,
    ]
    let scalars = (0..<length).compactMap { _ -> Unicode.Scalar? in
        guard let block = blocks.randomElement(using: &generator) else { return nil }
        return Unicode.Scalar(UInt32.random(in: block, using: &generator))
    }
    return ScalarText(scalars: scalars)
}

@Suite struct NormalizedTextTests {
    @Test func normalisingEachCodePointTwiceChangesNothing() {
        for value in UInt32(0)...0x1FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let once = NormalizedText(ScalarText(scalars: [scalar]))
            let twice = NormalizedText(ScalarText(scalars: once.scalars))
            #expect(once.scalars == twice.scalars, "U+\(String(value, radix: 16))")
        }
    }

    @Test func offsetsLeadBackToTheOriginal() {
        var generator = SplitMix(state: 1)
        for _ in 0..<200 {
            let text = randomText(&generator, length: 60)
            let normal = NormalizedText(text)
            #expect(normal.origins.count == normal.scalars.count)
            #expect(zip(normal.origins, normal.origins.dropFirst()).allSatisfy { $0 <= $1 })
            // Normalising what a range came from gives a text that holds the range.
            for _ in 0..<10 where !normal.scalars.isEmpty {
                let from = Int.random(in: 0..<normal.scalars.count, using: &generator)
                let to = Int.random(in: (from + 1)...normal.scalars.count, using: &generator)
                let part = NormalizedText(text, range: normal.originalRange(from..<to))
                #expect(contains(part.scalars, Array(normal.scalars[from..<to])))
            }
        }
    }

    private func contains(_ whole: [Unicode.Scalar], _ part: [Unicode.Scalar]) -> Bool {
        whole.indices.contains { whole[$0...].starts(with: part) }
    }

    @Test func arabicSpellingsBecomeOne() {
        #expect(NormalizedText("أَحْمَدُ إلى آخِر").string == "احمد الي اخر")
        #expect(NormalizedText("مُسْتَشْفَى").string == NormalizedText("مستشفي").string)
        #expect(NormalizedText("ﻻ ﷲ").string == "لا الله")
        #expect(NormalizedText("١٢٣ ۴۵۶").string == "123 456")
        #expect(NormalizedText("العـــــربية\u{200F}").string == "العربيه")
    }

    @Test func latinSpellingsBecomeOne() {
        #expect(NormalizedText("ÉCOLE Cœur Straße").string == "ecole coeur strasse")
        #expect(NormalizedText("e\u{301}cole").string == "ecole")
        #expect(NormalizedText("l’oﬃce").string == "l'office")
    }

    @Test func emptyRangesAreEmpty() {
        let normal = NormalizedText("\u{200B}abc")
        #expect(normal.originalRange(0..<0) == 1..<1)
        #expect(normal.originalRange(3..<3) == 4..<4)
        #expect(NormalizedText("").originalRange(0..<0) == 0..<0)
    }
}
