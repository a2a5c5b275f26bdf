import HTTP2
import Testing

/// Lists that came before are recognised, and only they.
@Suite struct HeaderMemoryTests {
    /// What the server made of a list: its text.
    private final class Meaning {
        let text: String
        init(_ text: String) { self.text = text }
    }

    /// Sends requests with these extra fields; returns for each what the server reads and whether it had to.
    private func receive(_ requests: [[(String, String)]], size: Int = 1 << 20) throws -> [(text: String, known: Bool)]
    {
        let wire = try Wire()
        wire.server.varyingHeader = "x-vary"
        var results: [(String, Bool)] = []
        for fields in requests {
            var list = Wire.request
            for (name, value) in fields { list.add(name, value) }
            let call = RecordedStream()
            try wire.client.submitRequest(call, list)
            wire.client.finish(call)
            let bytes = try Wire.pull(wire.client)
            // In pieces, so that lists are also cut in the middle.
            var place = 0
            while place < bytes.count {
                let piece = Array(bytes[place..<min(bytes.count, place + size)])
                place += piece.count
                try piece.withUnsafeBytes { buffer in
                    try wire.server.receive(buffer)
                    for event in wire.server.events where event.kind == .headers {
                        var fields: [String] = []
                        wire.server.forEachHeader(of: event) {
                            fields.append(
                                "\(String(decoding: $0, as: UTF8.self))=\(String(decoding: $1, as: UTF8.self))")
                        }
                        let text = fields.filter { !$0.hasPrefix(":") }.joined(separator: " ")
                        let meaning = wire.server.meaning(of: event) as? Meaning
                        if let meaning {
                            // What was made of the earlier list is still true of this one.
                            #expect(fields.filter { !$0.hasPrefix("x-vary") }.joined(separator: " ") == meaning.text)
                        } else {
                            let lasting = fields.filter { !$0.hasPrefix("x-vary") }.joined(separator: " ")
                            wire.server.remember(Meaning(lasting), for: event)
                        }
                        results.append((text, meaning != nil))
                    }
                    wire.server.clearEvents()
                }
            }
            _ = try Wire.pull(wire.server)
        }
        return results
    }

    @Test func anEqualListIsKnown() throws {
        let got = try receive([[("a", "1")], [("a", "1")], [("a", "2")], [("a", "2")], [("a", "1")]])
        #expect(got.map(\.known) == [false, true, false, true, true])
        #expect(got.map(\.text) == ["a=1", "a=1", "a=2", "a=2", "a=1"])
    }

    @Test func longerAndShorterListsAreOthers() throws {
        let got = try receive([[("a", "1"), ("b", "2")], [("a", "1")], [("a", "1"), ("b", "2"), ("c", "3")], []])
        #expect(got.map(\.known) == [false, false, false, false])
        #expect(got.map(\.text) == ["a=1 b=2", "a=1", "a=1 b=2 c=3", ""])
    }

    @Test func theVaryingFieldPreventsNoMatch() throws {
        let got = try receive([
            [("a", "1")], [("x-vary", "10m"), ("a", "1")], [("a", "1"), ("x-vary", "9m")], [("x-vary", "8m")],
        ])
        #expect(got.map(\.known) == [false, true, true, false])
        #expect(got.map(\.text) == ["a=1", "a=1 x-vary=10m", "a=1 x-vary=9m", "x-vary=8m"])
    }

    @Test func moreListsThanAreKeptPushOutTheOldest() throws {
        let lists = (0..<6).map { [("a", "\($0)")] }
        let got = try receive(lists + [lists[0], lists[5]])
        #expect(got.map(\.known) == [false, false, false, false, false, false, false, true])
    }

    @Test func largeListsAreNotKept() throws {
        let large = [("a", String(repeating: "x", count: 5000))]
        #expect(try receive([large, large]).map(\.known) == [false, false])
    }

    /// Values that HPACK does not put into its table come in other memory each time.
    @Test func listsCutIntoPiecesAreReadWhole() throws {
        let list = [("a", "1"), ("b", String(repeating: "y", count: 300))]
        let lists = [list, list, [("a", "1"), ("b", "z")], list, [("a", "1"), ("x-vary", "1"), ("b", "z")]]
        for size in [1, 2, 7, 50] {
            let got = try receive(lists, size: size)
            #expect(got.map(\.known) == [false, true, false, true, true])
            #expect(got[3].text == got[0].text)
            #expect(got[4].text == "a=1 b=z x-vary=1")
        }
    }
}
