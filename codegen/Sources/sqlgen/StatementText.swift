/// A statement as it stands in its file, made ready for the server.
///
/// Named parameters (`:tenant_id` or `@tenant_id`; with a `?` behind the name it may be null) become `$1`, `$2`… in the
/// order in which they appear first. Quoted column names that end in `!` or `?` lose that mark, which says whether the
/// column may be null. Casts (`::`), array slices, operators (`@>`), strings and comments are left alone.
struct StatementText {
    struct Parameter {
        let name: String
        var nullable: Bool
    }

    private(set) var sql = ""
    private(set) var parameters: [Parameter] = []
    /// Column name → whether it may be null, where the file says so.
    private(set) var nullability: [String: Bool] = [:]
    /// An outer join or grouping sets can make null of a column that is never null in its table.
    private(set) var widensNulls = false

    private let place: String
    private let text: [Character]
    private var position = 0

    init(_ source: String, at place: String) throws {
        self.place = place
        text = Array(source)
        try scan()
    }

    private func peek(_ offset: Int = 0) -> Character? {
        text.indices.contains(position + offset) ? text[position + offset] : nil
    }

    private mutating func scan() throws {
        while let next = peek() {
            switch next {
            case "'": try copyString()
            case "\"": try quotedName()
            case "$": try dollar()
            case "-" where peek(1) == "-": while let c = peek(), c != "\n" { copy(c) }
            case "/" where peek(1) == "*":
                throw GeneratorError(description: "\(place): block comments are not supported; use --")
            case ":" where peek(1) == ":" || peek(1) == "=":
                copy(next)
                if let c = peek() { copy(c) }
            case ":", "@":
                // `a[1:2]`, `@>`, `@@` and `x @ y` are the server's own.
                let standsAlone = next == ":" || !isOperator(position > 0 ? text[position - 1] : " ")
                if standsAlone, let first = peek(1), first.isLetter || first == "_" {
                    try parameter()
                } else {
                    copy(next)
                }
            default:
                if next.isLetter || next == "_" { copyWord() } else { copy(next) }
            }
        }
    }

    private func isOperator(_ c: Character) -> Bool { "+-*/<>=~!@#%^&|`?".contains(c) }
    private func isWord(_ c: Character) -> Bool { c.isLetter || c.isNumber || c == "_" }

    private mutating func copy(_ c: Character) {
        sql.append(c)
        position += 1
    }

    private mutating func word() -> String {
        var word = ""
        while let c = peek(), isWord(c) {
            word.append(c)
            position += 1
        }
        return word
    }

    private mutating func copyWord() {
        let word = word()
        sql += word
        let lower = word.lowercased()
        if ["left", "right", "full", "rollup", "cube", "grouping"].contains(lower) {
            var rest = position
            while rest < text.count, text[rest].isWhitespace { rest += 1 }
            // `left(…)` and `right(…)` are functions.
            let isCall = rest < text.count && text[rest] == "(" && (lower == "left" || lower == "right")
            if !isCall { widensNulls = true }
        }
    }

    private mutating func copyString() throws {
        let escapes = sql.last.map { $0 == "E" || $0 == "e" } ?? false
        copy("'")
        while let c = peek() {
            copy(c)
            if c == "\\", escapes, let next = peek() {
                copy(next)
            } else if c == "'" {
                if peek() == "'" { copy("'") } else { return }
            }
        }
        throw GeneratorError(description: "\(place): a string does not end")
    }

    private mutating func quotedName() throws {
        position += 1
        var name = ""
        while let c = peek(), c != "\"" {
            name.append(c)
            position += 1
        }
        guard peek() == "\"" else { throw GeneratorError(description: "\(place): a quoted name does not end") }
        position += 1
        guard let mark = name.last, mark == "!" || mark == "?" else {
            sql += "\"\(name)\""
            return
        }
        name.removeLast()
        guard name.wholeMatch(of: #/[a-z_][a-z0-9_]*/#) != nil else {
            throw GeneratorError(description: "\(place): \"\(name)\(mark)\" is no column name with a mark")
        }
        nullability[name] = mark == "?"
        sql += name
    }

    private mutating func dollar() throws {
        if peek(1)?.isNumber == true {
            throw GeneratorError(description: "\(place): parameters have names, such as :tenant_id, not numbers")
        }
        var tag = "$"
        var ahead = 1
        while let c = peek(ahead), isWord(c) {
            tag.append(c)
            ahead += 1
        }
        guard peek(ahead) == "$" else { return copy("$") }
        throw GeneratorError(description: "\(place): dollar quotes (\(tag)$) belong into migrations")
    }

    private mutating func parameter() throws {
        position += 1
        let name = word()
        var nullable = false
        if peek() == "?" {
            nullable = true
            position += 1
        }
        if let index = parameters.firstIndex(where: { $0.name == name }) {
            parameters[index].nullable = parameters[index].nullable || nullable
            sql += "$\(index + 1)"
        } else {
            parameters.append(Parameter(name: name, nullable: nullable))
            sql += "$\(parameters.count)"
        }
    }
}
