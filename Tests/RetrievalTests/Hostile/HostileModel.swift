import Foundation
import Support

/// The same numbers for the same seed, so that an output that did harm can be made again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678 }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A chat endpoint that wants our server to send a quote that no document holds. It has read the prompt, so it lies with
/// the words of the passages themselves.
struct HostileModel {
    /// What an output is made of.
    enum Kind: String, CaseIterable, Sendable {
        case honest, inventedQuote, changedQuote, otherDocument, absentSource, oddMarks, wrongOrder, acrossPassages
        case inventedFigure, openQuote, invisible, controls, instructions, declinesLate, repeats, manySentences
        case halfJSON, splitCharacters, megabyteLine, megabyteCharacter, endlessText, endlessComments, empty, noEnd
        case wrongEncoding, errorMidway, closesMidway, badStatus, oddUsage, deepJSON, notAStream, mixture
    }

    /// A figure that no document of the corpus holds: a supported sentence with it would be a lie told as true.
    static let inventedFigure = "48151623"

    var random: SeededGenerator
    /// The passages as the prompt gave them.
    let passages: [String]
    /// Texts of documents that are not among the passages, or belong to somebody else.
    let foreign: [String]

    init(seed: UInt64, prompt body: [UInt8], foreign: [String]) {
        random = SeededGenerator(seed: seed)
        passages = Self.passages(body)
        self.foreign = foreign
    }

    private static func passages(_ body: [UInt8]) -> [String] {
        let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
        let messages = object?["messages"] as? [[String: Any]] ?? []
        let prompt = messages.compactMap { $0["content"] as? String }.joined(separator: "\n")
        return prompt.components(separatedBy: "<passage number=").dropFirst().compactMap { part in
            guard let start = part.range(of: ">\n"), let end = part.range(of: "\n</passage>") else { return nil }
            return String(part[start.upperBound..<end.lowerBound])
        }
    }

    // MARK: - Words

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func pick<T>(_ items: [T], _ otherwise: T) -> T { items.randomElement(using: &random) ?? otherwise }

    /// Some consecutive scalars of a passage, and the passage's number.
    mutating func excerpt(_ sizes: ClosedRange<Int> = 14...160) -> (text: String, number: Int) {
        let index = passages.isEmpty ? 0 : number(0...passages.count - 1)
        let scalars = Array((passages.isEmpty ? "rien" : passages[index]).unicodeScalars)
        let size = min(number(sizes), scalars.count)
        let start = number(0...scalars.count - size)
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[start..<start + size])
        return (String(view).trimmingCharacters(in: .whitespacesAndNewlines), index + 1)
    }

    /// A whole sentence of a passage, more or less.
    mutating func sentence() -> (text: String, number: Int) {
        let (text, number) = excerpt(80...400)
        let parts = text.components(separatedBy: ". ")
        return ((parts.count > 2 ? parts[1] : text).replacingOccurrences(of: "\n", with: " ") + ".", number)
    }

    mutating func words(_ count: Int) -> String {
        let all = passages.joined(separator: " ").split(separator: " ").map(String.init)
        return (0..<count).map { _ in pick(all, "mot") }.joined(separator: " ")
    }

    /// The text with one scalar changed, dropped, doubled or swapped.
    mutating func changed(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        guard scalars.count > 4 else { return text + "x" }
        let place = number(1...scalars.count - 3)
        switch number(0...4) {
        case 0: scalars[place] = scalars[place] == "e" ? "a" : "e"
        case 1: scalars.remove(at: place)
        case 2: scalars.insert(scalars[place], at: place)
        case 3: scalars.swapAt(place, place + 1)
        // Looks alike, and is another letter.
        default: scalars[place] = pick(["а", "е", "о", "ى", "١", "’", "\u{A0}", "I"], "а")
        }
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    mutating func quoted(_ text: String) -> String {
        let (open, close) = pick([("« ", " »"), ("«", "»"), ("“", "”"), ("\"", "\""), ("„", "“")], ("«", "»"))
        return open + text + close
    }

    mutating func mark() -> String { "[\(number(1...max(1, passages.count)))]" }
}
