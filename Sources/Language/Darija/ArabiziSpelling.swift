/// Arabic written with Latin letters and digits has no spelling: "ch7al", "chhal", "sh7el" are one word. What is
/// compared is therefore not the letters but two coarser forms of them.
enum ArabiziSpelling {
    /// One letter for each sound: ch and sh, kh 5 and x, gh and 8, ou w u and o, i and y, a and e; doubled letters once.
    static func folded(_ word: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var folded: [Unicode.Scalar] = []
        var index = word.startIndex
        while index < word.endIndex {
            let (sound, length) = sound(in: word, at: index)
            if let sound, folded.last != sound { folded.append(sound) }
            index += length
        }
        return folded
    }

    /// The consonants of a folded word without ayn, those of ق and ك together.
    static func skeleton(_ folded: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var skeleton: [Unicode.Scalar] = []
        for scalar in folded where !"aiu3".unicodeScalars.contains(scalar) {
            let sound: Unicode.Scalar = scalar == "q" || scalar == "g" ? "k" : scalar
            if skeleton.last != sound { skeleton.append(sound) }
        }
        return skeleton
    }

    /// The skeleton of a word in Arabic letters, comparable with that of Latin ones.
    static func skeleton(arabic word: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var skeleton: [Unicode.Scalar] = []
        for scalar in word {
            guard let sound = arabicSounds[scalar], skeleton.last != sound else { continue }
            skeleton.append(sound)
        }
        return skeleton
    }

    /// How the word may be written in Arabic letters: with every vowel long, and with none.
    static func arabicSpellings(of word: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        var long: [Unicode.Scalar] = []
        var short: [Unicode.Scalar] = []
        for (place, sound) in folded(word[...]).enumerated() {
            if let vowel = longVowels[sound] {
                // "e" at the start is written with alef; a vowel inside may be short and not written at all.
                long.append(vowel)
                if place == 0 { short.append(vowel) }
            } else if let letter = arabicLetters[sound] {
                long.append(letter)
                short.append(letter)
            }
        }
        return long == short ? [long] : [long, short]
    }

    private static func sound(
        in word: ArraySlice<Unicode.Scalar>, at index: Int
    ) -> (sound: Unicode.Scalar?, length: Int) {
        let scalar = word[index]
        let next = index + 1 < word.endIndex ? word[index + 1] : nil
        switch (scalar, next) {
        case ("t", "c"?) where index + 2 < word.endIndex && word[index + 2] == "h": return ("c", 3)
        case ("c", "h"?), ("s", "h"?): return ("c", 2)
        case ("k", "h"?): return ("x", 2)
        case ("g", "h"?): return ("G", 2)
        case ("d", "j"?): return ("j", 2)
        case ("d", "h"?): return ("d", 2)
        case ("t", "h"?): return ("t", 2)
        case ("p", "h"?): return ("f", 2)
        case ("q", "u"?): return ("q", 2)
        case ("o", "u"?): return ("u", 2)
        default: break
        }
        switch scalar {
        case "5", "x": return ("x", 1)
        case "8": return ("G", 1)
        case "9", "q": return ("q", 1)
        case "c": return ("k", 1)
        case "7", "h": return ("h", 1)
        case "6": return ("t", 1)
        case "2", "4": return (nil, 1)
        case "o", "u", "w": return ("u", 1)
        case "i", "y": return ("i", 1)
        case "a", "e": return ("a", 1)
        case "p": return ("b", 1)
        default: return (scalar, 1)
        }
    }

    private static let longVowels: [Unicode.Scalar: Unicode.Scalar] = ["a": "ا", "i": "ي", "u": "و"]

    private static let arabicLetters: [Unicode.Scalar: Unicode.Scalar] = [
        "b": "ب", "t": "ت", "j": "ج", "h": "ح", "x": "خ", "d": "د", "r": "ر", "z": "ز", "s": "س", "c": "ش", "3": "ع",
        "G": "غ", "f": "ف", "v": "ف", "q": "ق", "k": "ك", "g": "ق", "l": "ل", "m": "م", "n": "ن",
    ]

    private static let arabicSounds: [Unicode.Scalar: Unicode.Scalar] = [
        "ب": "b", "پ": "b", "ت": "t", "ث": "t", "ط": "t", "ج": "j", "ح": "h", "ه": "h", "خ": "x", "د": "d", "ذ": "d",
        "ض": "d", "ظ": "d", "ر": "r", "ز": "z", "س": "s", "ص": "s", "ش": "c", "غ": "G", "ف": "f", "ڤ": "f", "ق": "k",
        "ڨ": "k", "گ": "k", "ك": "k", "ل": "l", "م": "m", "ن": "n",
    ]
}
