import ProtoRuntime
import RPC
import Testing

@testable import Members

@Suite struct MemberRulesTests {
    private func email(_ text: String) -> String? { MemberRules.loginEmail(text) }

    @Test func formsOfOneAddressAreOneAddress() {
        #expect(email("Amina@Example.DZ") == "amina@example.dz")
        // é typed as one letter and as two.
        let composed = email("Ren\u{E9}@exemple.fr")
        #expect(composed != nil)
        #expect(
            email("Rene\u{301}@exemple.fr").map { Array($0.unicodeScalars) }
                == composed.map { Array($0.unicodeScalars) })
        #expect(email("RENÉ@EXEMPLE.FR") == composed)
        #expect(email("first.last+tag@sub.example.co") == "first.last+tag@sub.example.co")
        #expect(email("o'neil@example.ie") != nil)
        #expect(email("أمينة@مثال.الجزائر") != nil)
        #expect(email("admin@intranet") != nil)
        // Folding ends: what comes out goes in again and stays.
        for text in ["İ@a.dz", "ẞ@a.dz", "ΑΣ@a.gr", "Ǆ@a.hr"] {
            if let once = email(text) { #expect(email(once) == once, "\(text)") }
        }
    }

    @Test func whatIsNoAddressIsRefused() {
        for text in [
            "", "@", "a@", "@b", "a", "a@b@c", "a b@c.dz", " a@b.dz", "a@b.dz ", "a@b.dz\n", "a\0@b.dz", "a..b@c.dz",
            ".a@c.dz",
            "a.@c.dz", "a@.c", "a@c.", "a@c..d", "a@-c.dz", "a@c-.dz", "\"a\"@b.dz", "a@[127.0.0.1]", "a(c)@b.dz",
            "a@b_c.dz",
            "a@b,dz", "<a@b.dz>", "a\u{200B}@b.dz", "a\u{202E}@b.dz", "a\u{FEFF}@b.dz", "a＠b.dz", "a@b．dz",
            "a@b\u{00A0}.dz",
            "x'; drop table ragdz.members; --@a.dz", String(repeating: "a", count: 65) + "@b.dz",
            "a@" + String(repeating: "b", count: 64) + ".dz", "a@" + String(repeating: "b.", count: 130) + "dz",
            String(repeating: "é@", count: 5000), String(repeating: "a", count: 10_240),
        ] {
            #expect(email(text) == nil, "\(text.prefix(60))")
        }
    }

    @Test func names() throws {
        #expect(try MemberRules.name("René Ould 'Abd") == "René Ould 'Abd")
        #expect(try MemberRules.name("أمينة").unicodeScalars.count == 5)
        #expect(try Array(MemberRules.name("e\u{301}").unicodeScalars) == ["\u{E9}"])
        #expect(try MemberRules.name(String(repeating: "ش", count: 200)).utf8.count == 400)
        for name in [
            "", " ", "\u{3000}", "a\nb", "a\0", "a\u{2028}b", String(repeating: "x", count: 201),
            String(repeating: "é", count: 5_120),
        ] {
            #expect(throws: Status.self, "\(name.prefix(20))") { try MemberRules.name(name) }
        }
    }

    @Test func passwordsAreTakenInOneForm() throws {
        let composed = try MemberRules.newPassword("motdepass\u{E9}", field: "password")
        #expect(try MemberRules.newPassword("motdepasse\u{301}", field: "password") == composed)
        #expect(MemberRules.passwordBytes("motdepasse\u{301}") == composed)
        #expect(try MemberRules.newPassword(" spaces count ", field: "password").count == 14)
        #expect(try MemberRules.newPassword(String(repeating: "x", count: 1024), field: "password").count == 1024)
        for password in ["", "123456789", String(repeating: "x", count: 1025), String(repeating: "🔑", count: 2_560)] {
            let status = #expect(throws: Status.self) { try MemberRules.newPassword(password, field: "password") }
            #expect(status?.reason == "INVALID_PASSWORD")
            #expect(status?.message.contains("123456789") == false, "a message quotes no password")
        }
        #expect(MemberRules.passwordBytes(String(repeating: "x", count: 1025)) == nil)
    }

    @Test func lifetimes() throws {
        func life(_ seconds: Int64, _ nanos: Int32 = 0) -> Int64? {
            try? MemberRules.lifetime(Google_Protobuf_Duration(seconds: seconds, nanos: nanos))
        }
        #expect(try MemberRules.lifetime(nil) == 604_800_000_000)
        #expect(life(60) == 60_000_000 && life(59) == nil && life(2_592_000) != nil && life(2_592_001) == nil)
        #expect(life(60, 999_999_999) == 60_999_999 && life(60, -1) == nil && life(.max) == nil && life(.min) == nil)
    }

    @Test func networksOfPeers() {
        func network(_ peer: String) -> String { LoginNetwork(peer: peer).text }
        #expect(network("10.1.2.3:443") == "10.1.2.3")
        #expect(network("[2001:db8:1:2:3::4]:443") == "20010db800010002/64")
        #expect(network("[2001:db8:1:2:ffff::9]:1") == network("2001:db8:1:2:3::4"))
        #expect(network("[::ffff:10.1.2.3]:9") == "10.1.2.3")
        #expect(network("in-process") == "in-process")
        #expect(network("") == "" && network(String(repeating: "x", count: 5000)).count == 64)
    }

    @Test func addressesAreDelayedAndForgotten() {
        var guarded = AddressGuard(rule: .init(burst: 3, gapMicros: 1_000))
        let (one, two) = (LoginNetwork(peer: "10.0.0.1:1"), LoginNetwork(peer: "10.0.0.2:1"))
        for _ in 0..<3 { #expect(guarded.admit(one, now: 0) == 0) }
        #expect(guarded.admit(one, now: 0) == 1_000)
        #expect(guarded.admit(two, now: 0) == 0, "another one is not held up")
        #expect(guarded.admit(one, now: 999) == 1)
        #expect(guarded.admit(one, now: 1_000) == 0)
        #expect(guarded.admit(one, now: 1_000) == 1_000, "refusals do not add up")
        for _ in 0..<3 { #expect(guarded.admit(one, now: 1_000_000) == 0) }
        for number in 0..<(AddressGuard.maximumEntries + 10) {
            _ = guarded.admit(LoginNetwork(peer: "host-\(number)"), now: 2_000_000)
        }
        #expect(guarded.count <= AddressGuard.maximumEntries)
    }
}
