internal import Language

/// Arabic that a program has stored as it looks: presentation forms, from left to right.
///
/// Old PDF producers and DOS programs write the letters of a word in the order in which they stand on the paper, each in the
/// shape that it has there. The shapes tell: read in logical order a word begins with an initial form and ends with a final
/// one; in visual order it is the other way round. A line of the latter kind is turned round, but for its numbers and Latin
/// words, and the letters are replaced by those that they stand for.
enum VisualOrder {
    enum Shape { case isolated, final, initial, medial }

    /// The shape of a presentation form of the block that programs use, U+FE80 to U+FEFC.
    static func shape(_ scalar: Unicode.Scalar) -> Shape? {
        guard (0xFE80...0xFEFC).contains(scalar.value) else { return nil }
        return shapes[Int(scalar.value) - 0xFE80]
    }

    /// Letters have two forms or four, in the order isolated, final, initial, medial; hamza has one.
    private static let shapes: [Shape] = {
        var shapes: [Shape] = [.isolated]
        // From alef with madda to alef: by letter, in the order of the block.
        let forms =
            [2, 2, 2, 2, 4, 2, 4, 2] + Array(repeating: 4, count: 5) + [2, 2, 2, 2]
            + Array(repeating: 4, count: 15) + [2, 2, 4] + [2, 2, 2, 2]
        for count in forms { shapes += [.isolated, .final, .initial, .medial].prefix(count) }
        return shapes
    }()

    /// The text in logical order, and its letters for their shapes.
    static func plain(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var plain: [Unicode.Scalar] = []
        plain.reserveCapacity(scalars.count)
        for scalar in repaired(scalars) {
            if let letters = PresentationForms.letters(of: scalar) { plain += letters } else { plain.append(scalar) }
        }
        return plain
    }

    /// The text in logical order; the same when it is already.
    static func repaired(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard isVisual(scalars) else { return scalars }
        var output: [Unicode.Scalar] = []
        output.reserveCapacity(scalars.count)
        var start = 0
        for index in 0...scalars.count
        where index == scalars.count || "\n\u{0C}".unicodeScalars.contains(scalars[index]) {
            output += turned(scalars[start..<index])
            if index < scalars.count { output.append(scalars[index]) }
            start = index + 1
        }
        return output
    }

    /// Whether most words that tell are in visual order.
    static func isVisual(_ scalars: [Unicode.Scalar]) -> Bool {
        var evidence = VisualEvidence()
        for scalar in scalars { evidence.look(at: scalar) }
        return evidence.isVisual
    }

    static func turned(_ line: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        guard line.contains(where: { shape($0) != nil }) else { return Array(line) }
        var output: [Unicode.Scalar] = []
        // Runs that read from left to right keep their own order.
        var run: [Unicode.Scalar] = []
        for index in line.indices.reversed() {
            let scalar = line[index]
            // A space within such a run, when the line is read on.
            let joins = scalar == " " && !run.isEmpty && index > line.startIndex && isLeftToRight(line[index - 1])
            if joins || isLeftToRight(scalar) {
                run.append(scalar)
            } else {
                flush(&run, into: &output)
                output.append(mirrored(scalar))
            }
        }
        flush(&run, into: &output)
        return output
    }

    private static func flush(_ run: inout [Unicode.Scalar], into output: inout [Unicode.Scalar]) {
        output += run.reversed()
        run.removeAll(keepingCapacity: true)
    }

    private static func isLeftToRight(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        if (0x660...0x669).contains(value) || (0x6F0...0x6F9).contains(value) { return true }
        guard value < 0x590 else { return false }
        return scalar.properties.isAlphabetic || (0x30...0x39).contains(value) || joiners.contains(scalar)
    }

    /// Within numbers and Latin words.
    private static let joiners: Set<Unicode.Scalar> = [".", ",", "/", "%", "-", ":"]

    private static func mirrored(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar {
        case "(": ")"
        case ")": "("
        case "[": "]"
        case "]": "["
        case "«": "»"
        case "»": "«"
        default: scalar
        }
    }
}

/// Counts words that tell the order of a text, scalar by scalar.
struct VisualEvidence {
    private var logical = 0
    private var visual = 0
    private var first: VisualOrder.Shape?
    private var last: VisualOrder.Shape?

    mutating func look(at scalar: Unicode.Scalar) {
        if let shape = VisualOrder.shape(scalar) {
            if first == nil { first = shape }
            last = shape
        } else if first != nil {
            count()
        }
    }

    /// Of what was looked at: it ends with its last word.
    var isVisual: Bool {
        var whole = self
        whole.count()
        return whole.visual > whole.logical
    }

    private mutating func count() {
        if first == .initial, last == .final || last == .isolated { logical += 1 }
        if last == .initial, first == .final || first == .isolated { visual += 1 }
        first = nil
        last = nil
    }
}
