import RPC
import Testing

@Suite struct PageTokenTests {
    @Test func aTokenBringsItsPositionBack() throws {
        let token = PageToken.make("keys", ["1712", "é", ""])
        #expect(try PageToken.read(token, list: "keys", parts: 3) == ["1712", "é", ""])
        #expect(try PageToken.read("", list: "keys", parts: 3) == nil)
        #expect(token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "&") })
    }

    @Test func everythingElseIsRefused() {
        let token = PageToken.make("keys", ["1712", "a"])
        for (text, list, parts) in [
            (token, "tenants", 2), (token, "keys", 3), (String(token.dropLast()), "keys", 2), ("!", "keys", 2),
            ("AAAA", "keys", 2), ("AAAAAAAA", "keys", 2), (String(repeating: "A", count: 4096), "keys", 2),
            ("X" + token.dropFirst(), "keys", 2),
        ] {
            let status = #expect(throws: Status.self) { try PageToken.read(text, list: list, parts: parts) }
            #expect(status?.code == .invalidArgument)
            #expect(status?.reason == "INVALID_PAGE_TOKEN")
        }
    }

    /// A forged time must be refused before any arithmetic or database sees it.
    @Test func timesAreOfOurEra() throws {
        #expect(try PageToken.time("0") == 0)
        #expect(try PageToken.time("1769846400000001") == 1_769_846_400_000_001)
        for forged in ["-1", "-9223372036854775808", "9223372036854775807", "253402300800000000", "1e9", "", " 1"] {
            #expect(throws: PageToken.invalid) { try PageToken.time(forged) }
        }
    }

    @Test func pageSizesHaveBounds() throws {
        #expect(try PageSize.resolve(0) == 50)
        #expect(try PageSize.resolve(1) == 1)
        #expect(try PageSize.resolve(200) == 200)
        #expect(throws: Status.self) { try PageSize.resolve(201) }
        #expect(throws: Status.self) { try PageSize.resolve(-1) }
    }
}
